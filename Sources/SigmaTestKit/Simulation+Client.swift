package import SigmaCore
package import SigmaPeer
package import SigmaWire

extension Simulation {
    /// One peer, and the address the network knows it by.
    package final class Client {
        package let peer: Peer
        package let sessionID: SessionID
        /// Changes when a NAT rebinds it, and with the peer's own move.
        package internal(set) var address: Address
        package internal(set) var events: [(at: Int64, event: PeerEvent)] = []
        /// Octets that the server got from it, and sent to it, before it had shown that it gets them.
        package internal(set) var unproven = (received: 0, sent: 0)
        /// Its process is gone: nothing is heard of it any more.
        package internal(set) var isHalted = false
        /// Signaling or its certificate is wrong: it must not get in.
        package internal(set) var isImpostor = false
        var isProven = false
        /// The media SSRC of each stream of retransmissions to it.
        var rtx: [UInt32: UInt32] = [:]
        let number: Int
        /// The peer's, read again whenever it was touched.
        var deadline: Int64?
        var isTouched = true

        init(_ peer: Peer, _ sessionID: SessionID, _ address: Address, number: Int) {
            self.peer = peer
            self.sessionID = sessionID
            self.address = address
            self.number = number
        }

        /// What was received of one kind; the stream with the most packets.
        package func received(_ kind: SigmaPeer.MediaKind) -> ReceiveStatistics? {
            peer.received.values.filter { $0.kind == kind }.max { $0.packets < $1.packets }
        }

        package func firstTime(_ isWanted: (PeerEvent) -> Bool) -> Int64? {
            events.first { isWanted($0.event) }?.at
        }
    }
}
