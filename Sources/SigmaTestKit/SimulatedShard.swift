internal import SigmaCore
internal import SigmaCrypto
internal import SigmaEngine
internal import SigmaWire

/// One engine of a simulated server, and what its thread would hold.
@safe final class SimulatedShard {
    var engine: Engine
    var handshakes: Handshakes
    var batch = DatagramBatch(capacity: 256)
    var isFanningOut = false
    var nextSlice: Int64 = 0
    /// Jobs on the handshake thread, in order, and when each is done.
    var jobs: [(job: HandshakeJob, due: Int64)] = []
    private var eventsRead: UInt64 = 0
    private let journal: UnsafeMutableRawPointer

    /// - Parameters:
    ///   - records: Its part of the slab.
    ///   - journalID: That of the process.
    @unsafe init(
        _ configuration: EngineConfiguration, _ identity: borrowing Identity,
        records: UnsafeMutableRawPointer, journalID: [UInt8]
    ) throws {
        let journalLength = Journal.byteCount(capacity: configuration.journalCapacity)
        unsafe journal = .allocate(byteCount: journalLength, alignment: 4096)
        unsafe journal.initializeMemory(as: UInt8.self, repeating: 0, count: journalLength)
        handshakes = try Handshakes(identity)
        unsafe engine = Engine(
            configuration, fingerprint: identity.fingerprint,
            slab: SessionSlab(records: records, count: configuration.sessionLimit),
            journal: Journal(
                formatting: journal, capacity: configuration.journalCapacity, id: journalID))
        engine.wallClockOffset = 1_700_000_000_000_000_000
    }

    deinit { unsafe journal.deallocate() }

    /// Events since the last call.
    func takeEvents() -> [EventRecord] {
        guard engine.journal.newest > eventsRead else { return [] }
        let new = ((eventsRead + 1)...engine.journal.newest).compactMap { engine.journal[$0] }
        eventsRead = engine.journal.newest
        return new
    }
}

extension EngineCounters {
    /// What two shards have counted.
    static func + (a: EngineCounters, b: EngineCounters) -> EngineCounters {
        var sum = a
        // All of its fields are such words.
        unsafe withUnsafeMutableBytes(of: &sum) { sum in
            unsafe withUnsafeBytes(of: b) { other in
                for place in stride(from: 0, to: sum.count, by: 8) {
                    let word = unsafe sum.load(fromByteOffset: place, as: UInt64.self)
                    unsafe sum.storeBytes(
                        of: word &+ other.load(fromByteOffset: place, as: UInt64.self), toByteOffset: place,
                        as: UInt64.self)
                }
            }
        }
        return sum
    }
}

extension EngineResources {
    static func + (a: EngineResources, b: EngineResources) -> EngineResources {
        var sum = a
        sum.sessions += b.sessions
        sum.rooms += b.rooms
        sum.tuples += b.tuples
        sum.fanOuts += b.fanOuts
        sum.handshakes += b.handshakes
        sum.early += b.early
        return sum
    }
}
