import SigmaWire

/// Ethernet frames that are made once and sent over and over, each from another address.
struct FrameTable {
    /// Octets from frame to frame.
    static let stride = 1536
    static let count = 4096
    private static let headerLength = 42

    private(set) var octets = [UInt8](repeating: 0, count: stride * count)
    private(set) var lengths = [UInt32](repeating: 0, count: count)

    private let options: FloodOptions
    private var random = SystemRandomNumberGenerator()

    init(_ options: FloodOptions) {
        self.options = options
        for index in 0..<Self.count {
            let kind = Self.kind(options.kind, index)
            let isForged = kind == .srtp && !options.sources.isEmpty
            let source = isForged ? options.sources[index % options.sources.count] : stranger()
            put(payload(kind), from: source, at: index)
        }
    }

    /// Of ten frames of the mix four are unknown checks and two each are hellos and forged SRTP.
    private static func kind(_ kind: FloodKind, _ index: Int) -> FloodKind {
        guard kind == .mix else { return kind }
        let parts: [FloodKind] = [
            .stun, .hello, .stun, .srtp, .integrity, .stun, .hello, .stun, .srtp, .random,
        ]
        return parts[index % parts.count]
    }

    /// Somebody in 198.18.0.0/15, which is for benchmarks (RFC 2544).
    private mutating func stranger() -> Address {
        Address(
            v4: 0xC612_0000 | UInt32.random(in: 1..<0x1_FFFF, using: &random),
            port: .random(in: 1024...65_535, using: &random))
    }

    // MARK: Payloads

    private mutating func payload(_ kind: FloodKind) -> [UInt8] {
        switch kind {
        case .stun: check("\(word(12)):\(word(8))")
        case .integrity: check(options.username)
        case .hello: hello()
        case .srtp: forgedSRTP()
        case .random, .mix: noise(.random(in: 1...1200, using: &random))
        }
    }

    private mutating func noise(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in .random(in: 0...255, using: &random) }
    }

    private mutating func word(_ count: Int) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
        return String((0..<count).map { _ in alphabet[.random(in: 0..<32, using: &random)] })
    }

    /// Whole and right but for the HMAC, as a browser sends it.
    private mutating func check(_ username: String) -> [UInt8] {
        let transaction = TransactionID(
            high: .random(in: 0...UInt32.max, using: &random),
            low: .random(in: 0...UInt64.max, using: &random))
        var message = STUNMessageBuilder(.request, transaction: transaction)
        message.append(STUN.Attribute.username, Array(username.utf8))
        message.append(STUN.Attribute.iceControlling, noise(8))
        message.append(STUN.Attribute.priority, noise(4))
        message.append(STUN.Attribute.useCandidate, [])
        _ = message.integrityInput()
        message.appendIntegrity(noise(STUN.integrityLength))
        message.appendFingerprint()
        return message.bytes
    }

    /// A ClientHello of DTLS 1.2 with one cipher suite and use_srtp (RFC 6347 §4.2, RFC 5764 §4.1.1).
    private mutating func hello() -> [UInt8] {
        var body: [UInt8] = [0xFE, 0xFD] + noise(32)
        body += [0, 0, 0, 2, 0xC0, 0x2B, 1, 0]
        body += [0, 25, 0, 14, 0, 5, 0, 2, 0, 1, 0, 0, 10, 0, 4, 0, 2, 0, 29, 0, 13, 0, 4, 0, 2, 4, 3]
        let length: [UInt8] = [0, UInt8(body.count >> 8), UInt8(body.count & 255)]
        let message = [1] + length + [0, 0, 0, 0, 0] + length + body
        return [
            22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(message.count >> 8), UInt8(message.count & 255),
        ]
            + message
    }

    private mutating func forgedSRTP() -> [UInt8] {
        let ssrc = options.ssrcs.randomElement(using: &random) ?? .random(in: 0...UInt32.max, using: &random)
        var packet: [UInt8] = [0x80, 102] + noise(6)
        packet.append(bigEndian: ssrc)
        return packet + noise(1100)
    }

    // MARK: Headers

    private mutating func put(_ payload: [UInt8], from source: Address, at index: Int) {
        var frame = options.via + [2, 0, 0, 0, 0xF1, 0x0D, 8, 0]
        let length = UInt16(payload.count + 28)
        var header: [UInt8] = [0x45, 0]
        header.append(bigEndian: length)
        header += [0, 0, 0x40, 0, 64, 17, 0, 0]
        header.append(bigEndian: source.v4 ?? 0)
        header.append(bigEndian: options.target.v4 ?? 0)
        header.replace(bigEndian: Self.checksum(header), at: 10)
        frame += header
        frame.append(bigEndian: source.port)
        frame.append(bigEndian: options.target.port)
        frame.append(bigEndian: length - 20)
        // No checksum, which IPv4 allows (RFC 768).
        frame += [0, 0]
        frame += payload
        octets.replaceSubrange((index * Self.stride)..<(index * Self.stride + frame.count), with: frame)
        lengths[index] = UInt32(frame.count)
    }

    /// RFC 1071.
    private static func checksum(_ header: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in Swift.stride(from: 0, to: header.count, by: 2) {
            sum += UInt32(header[index]) << 8 | UInt32(header[index + 1])
        }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        return ~UInt16(sum)
    }
}
