internal import SigmaWire

/// A hash in the manner of FNV-1a, word by word, for telling runs and datagrams apart; not for secrets.
struct Digest: Sendable {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func fold(_ word: UInt64) {
        value = (value ^ word) &* 0x100_0000_01B3
        value ^= value >> 29
    }

    mutating func fold(_ bytes: [UInt8]) {
        let octets = unsafe bytes.span.bytes
        // Whole words first: this is most of the work of an unoptimised run.
        let whole = octets.byteCount & ~7
        for offset in stride(from: 0, to: whole, by: 8) { fold(octets.bigEndian(UInt64.self, at: offset)) }
        for offset in whole..<octets.byteCount { fold(UInt64(octets.octet(at: offset))) }
    }
}
