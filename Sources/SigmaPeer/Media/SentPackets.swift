/// The last second of one stream that a publisher sent, for who asks for a packet again.
struct SentPackets {
    struct Packet {
        let number: UInt16
        /// Before and after SRTP.
        let plain: [UInt8]
        let datagram: [UInt8]
        let sentAt: Int64
        var resentAt: Int64?
    }

    /// Nanoseconds.
    static let memory: Int64 = 1_000_000_000

    let ssrc: UInt32
    private var packets: [Packet] = []
    /// Those before it are forgotten.
    private var head = 0

    init(ssrc: UInt32) { self.ssrc = ssrc }

    mutating func keep(_ packet: Packet) {
        // Another stretch of numbers: with a gap between, the place would not tell the number.
        if let last = packets.last, packet.number != last.number &+ 1 {
            packets = []
            head = 0
        }
        while head < packets.count, packet.sentAt - packets[head].sentAt > Self.memory { head += 1 }
        if head > 256, head > packets.count / 2 {
            packets.removeFirst(head)
            head = 0
        }
        packets.append(packet)
    }

    /// The packet to send again; `nil` when it is not there any more, or was sent again less than `roundTrip` ago, as
    /// libwebrtc has it.
    mutating func take(_ number: UInt16, roundTrip: Int64, at now: Int64) -> Packet? {
        guard head < packets.count else { return nil }
        let place = head + Int(number &- packets[head].number)
        guard place < packets.count, now - packets[place].sentAt <= Self.memory else { return nil }
        if let resentAt = packets[place].resentAt, now - resentAt < roundTrip { return nil }
        packets[place].resentAt = now
        return packets[place]
    }
}
