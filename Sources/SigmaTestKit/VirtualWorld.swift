internal import CSigmaTestKit

/// The clock and the randomness of OpenSSL, for one simulation.
///
/// OpenSSL reads the time for its DTLS timers itself and makes its keys itself; while ``run(at:_:)`` runs,
/// both come from here, on the calling thread alone.
@safe package final class VirtualWorld {
    private let state: UnsafeMutablePointer<CSigmaTestKit_world>
    /// Unix time of the simulation's zero, ns.
    private static let epoch: Int64 = 1_700_000_000_000_000_000

    package init(seed: UInt64) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: CSigmaTestKit_world(now: Self.epoch, random: seed))
    }

    deinit { unsafe state.deallocate() }

    /// - Parameter now: Nanoseconds since the simulation began.
    package func run<R, E: Error>(at now: Int64, _ body: () throws(E) -> R) throws(E) -> R {
        unsafe state.pointee.now = Self.epoch + now
        unsafe CSigmaTestKit_enter(state)
        defer { CSigmaTestKit_enter(nil) }
        return try body()
    }
}
