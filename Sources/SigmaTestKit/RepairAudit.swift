internal import SigmaPeer
internal import SigmaWire

/// Holds the server to what it promises who asks for lost packets: each packet that it sent is offered again, at most
/// 10 times.
struct RepairAudit {
    /// A packet by the stream it was first sent in.
    struct Packet: Hashable {
        let ssrc: UInt32
        let number: UInt16
    }

    private struct State {
        /// When it was offered again.
        var offers: [Int64] = []
        /// The earliest request that has to be answered yet.
        var asked: Int64?
    }

    /// Offers of one packet.
    static let offerLimit = 10
    /// Nanoseconds from a request to the answer, while the server has time.
    static let promptness: Int64 = 20_000_000
    /// A repetition of a request that comes sooner may find the answer to the last one still under way.
    private static let spacing: Int64 = 600_000_000

    /// Whether requests have to be answered at all: not those of one that asks for more than the stream.
    var isStrict = true
    private(set) var offered = 0
    private var states: [Packet: State] = [:]
    /// By the digest of the datagram that carries them.
    private var underWay: [UInt64: LossRequest] = [:]

    /// A peer sends a datagram that asks for packets.
    mutating func sent(_ request: LossRequest, in datagram: [UInt8]) {
        underWay[Self.digest(datagram)] = request
    }

    /// A datagram of a peer has come.
    ///
    /// - Parameter wasSent: Whether the server has sent such a packet.
    mutating func received(_ datagram: [UInt8], at now: Int64, wasSent: (Packet) -> Bool) {
        guard isStrict, let request = underWay.removeValue(forKey: Self.digest(datagram)) else { return }
        for number in request.numbers {
            let packet = Packet(ssrc: request.ssrc, number: number)
            guard wasSent(packet) else { continue }
            var state = states[packet] ?? State()
            let isTooSoon = state.offers.last.map { now - $0 < Self.spacing } ?? false
            if state.asked == nil, !isTooSoon, state.offers.count < Self.offerLimit { state.asked = now }
            states[packet] = state
        }
    }

    /// - Returns: Whether it was offered more often than is allowed.
    mutating func offered(_ packet: Packet, at now: Int64) -> Bool {
        offered += 1
        var state = states[packet] ?? State()
        state.offers.append(now)
        state.asked = nil
        states[packet] = state
        return state.offers.count > Self.offerLimit
    }

    /// What was asked for in vain, in an order that is always the same.
    func unanswered(at now: Int64) -> [(packet: Packet, asked: Int64)] {
        states.compactMap { packet, state in
            state.asked.flatMap { now - $0 > Self.promptness ? (packet, $0) : nil }
        }
        .sorted {
            ($0.asked, $0.packet.ssrc, $0.packet.number) < ($1.asked, $1.packet.ssrc, $1.packet.number)
        }
    }

    private static func digest(_ datagram: [UInt8]) -> UInt64 {
        var digest = Digest()
        digest.fold(datagram)
        return digest.value
    }
}
