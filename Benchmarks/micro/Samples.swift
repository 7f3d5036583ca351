import SigmaWire

/// What the kernels work on.
enum Samples {
    /// Paths as a thousand viewers behind a few addresses have them.
    static func path(_ number: Int) -> Path {
        Path(
            local: Address(v4: 0xC000_0201, port: 5004),
            remote: Address(
                v4: 0xC633_6400 + UInt32(number % 50), port: UInt16(20_000 + number * 37 % 40_000)))
    }

    /// 1100 octets: MID in a one-byte extension, then a piece of an IDR in FU-A.
    static func rtpPacket() -> [UInt8] {
        var packet: [UInt8] = [0x90, 102, 0x12, 0x34]
        packet.append(bigEndian: UInt32(90_000))
        packet.append(bigEndian: UInt32(0x5160_0001))
        packet += [0xBE, 0xDE, 0, 1, 0x40, 0x30, 0, 0]
        packet += [0x7C, 0x85]
        return packet + [UInt8](repeating: 0x5A, count: 1100 - packet.count)
    }

    /// A check with all that Chromium puts into it; the HMAC is none, nobody verifies it here.
    static func check() -> [UInt8] {
        var message = STUNMessageBuilder(.request, transaction: TransactionID(high: 1, low: 2))
        message.append(STUN.Attribute.username, Array("aaaabcdefghi:Zk4x".utf8))
        message.append(0xC057, [0, 1, 0, 50])
        message.append(STUN.Attribute.iceControlling, [1, 2, 3, 4, 5, 6, 7, 8])
        message.append(STUN.Attribute.useCandidate, [])
        message.append(STUN.Attribute.priority, [0x6E, 0x7F, 0x1E, 0xFF])
        _ = message.integrityInput()
        message.appendIntegrity([UInt8](repeating: 0x11, count: STUN.integrityLength))
        message.appendFingerprint()
        return message.bytes
    }
}
