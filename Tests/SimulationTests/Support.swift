import SigmaPeer
import SigmaTestKit
import SigmaWire

extension Int64 {
    /// Nanoseconds.
    static func seconds(_ count: Double) -> Int64 { Int64(count * 1_000_000_000) }
    static func milliseconds(_ count: Int64) -> Int64 { count * 1_000_000 }
}

extension LinkConditions {
    /// What a bad mobile network does: every twentieth datagram lost, some late, some twice.
    static let lossy = LinkConditions(loss: 0.05, delay: 40_000_000, jitter: 15_000_000, duplicate: 0.01)
}

extension Simulation {
    /// Lets time pass until every peer is connected, or in the other state; `false` after 20 s.
    func connectAll(but other: Peer.State = .connected) -> Bool {
        run(upTo: .seconds(20)) {
            clients.allSatisfy { $0.peer.state == .connected || $0.peer.state == other }
        }
    }
}

extension Simulation.Client {
    /// When PLI or FIR reached this publisher.
    var keyframeRequests: [Int64] {
        events.compactMap { at, event in
            if case .keyframeRequested = event { at } else { nil }
        }
    }

    var decryptFailures: Int { peer.received.values.reduce(0) { $0 + $1.decryptFailures } }
    var damagedPayloads: Int { peer.received.values.reduce(0) { $0 + $1.damagedPayloads } }
}
