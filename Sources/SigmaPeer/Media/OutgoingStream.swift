internal import SigmaWire

/// Numbers the packets of one stream that a publisher sends.
struct OutgoingStream {
    let ssrc: UInt32
    let kind: MediaKind
    let payloadType: UInt8
    /// MID and its extension id; `nil` when the extension was not agreed on.
    let mid: (id: UInt8, value: [UInt8])?
    /// Extension id of the transport-wide number, for which room is left; `nil` when it was not agreed on.
    let transportNumberID: UInt8?
    private var sequenceNumber: UInt16
    private let timestampOffset: UInt32
    private(set) var packets: UInt32 = 0
    private(set) var octets: UInt32 = 0
    private var packetsAtJump: UInt32 = 0

    init(
        ssrc: UInt32, kind: MediaKind, payloadType: UInt8, mid: (id: UInt8, value: [UInt8])?,
        transportNumberID: UInt8?, random: inout SeededGenerator
    ) {
        self.ssrc = ssrc
        self.kind = kind
        self.payloadType = payloadType
        self.mid = mid
        self.transportNumberID = transportNumberID
        // RFC 3550 §5.1: both begin at random; the wrap is met soon, but not among the first packets, where
        // a receiver that lost them could not know of it (RFC 3711 §3.3.1).
        sequenceNumber = 64_000 + UInt16(truncatingIfNeeded: random.next() % 1000)
        timestampOffset = UInt32(truncatingIfNeeded: random.next())
    }

    /// Hz.
    var clockRate: Int64 { kind == .audio ? 48_000 : 90_000 }

    /// RTP time of a moment, nanoseconds since the source began.
    func timestamp(at time: Int64) -> UInt32 {
        timestampOffset &+ UInt32(truncatingIfNeeded: Int128(time) * Int128(clockRate) / 1_000_000_000)
    }

    /// The same m-section with another SSRC, first number and first time.
    func restarted(random: inout SeededGenerator) -> OutgoingStream {
        OutgoingStream(
            ssrc: UInt32(truncatingIfNeeded: random.next()) | 1, kind: kind, payloadType: payloadType,
            mid: mid, transportNumberID: transportNumberID, random: &random)
    }

    /// Leaves numbers out, unless it has just done so: of two jumps without packets between only the sum is
    /// seen, and that may look like a few losses.
    mutating func jump(by count: UInt16) {
        guard packets &- packetsAtJump >= 3 else { return }
        packetsAtJump = packets
        sequenceNumber &+= count
    }

    /// Padding of 200 octets and no payload (RFC 3550 §5.1).
    mutating func padding(at time: Int64) -> [UInt8] {
        var bytes = packet([UInt8](repeating: 0, count: 199) + [200], at: time, marker: false)
        bytes[0] |= 0x20
        return bytes
    }

    mutating func packet(_ payload: [UInt8], at time: Int64, marker: Bool) -> [UInt8] {
        packet(payload, timestamp: timestamp(at: time), marker: marker)
    }

    /// A packet of another stream in this one (RFC 4588 §4): its number stands in front of its payload.
    mutating func repetition(of original: [UInt8]) -> [UInt8]? {
        guard let view = try? RTPPacketView(unsafe original.span.bytes) else { return nil }
        return packet(
            Array(original[2..<4]) + original[view.payloadRange], timestamp: view.timestamp,
            marker: view.marker)
    }

    private mutating func packet(_ payload: [UInt8], timestamp: UInt32, marker: Bool) -> [UInt8] {
        let header = RTPHeader(
            marker: marker, payloadType: payloadType, sequenceNumber: sequenceNumber,
            timestamp: timestamp, ssrc: SSRC(rawValue: ssrc))
        sequenceNumber &+= 1
        packets &+= 1
        octets &+= UInt32(payload.count)
        var bytes = [UInt8](repeating: 0, count: 40)
        var span = bytes.mutableSpan
        var raw = unsafe span.mutableBytes
        var writer = RTPExtensionWriter()
        if let mid { writer.append(id: mid.id, unsafe mid.value.span.bytes, to: &raw) }
        if let transportNumberID {
            let room: [UInt8] = [0, 0]
            writer.append(id: transportNumberID, unsafe room.span.bytes, to: &raw)
        }
        let end = writer.finish(in: &raw)
        header.write(to: &raw, hasExtension: end > RTP.fixedHeaderLength)
        return bytes.prefix(end) + payload
    }
}
