import SigmaWire
import Testing

@Suite("CRC32: RFC 8489 §14.7")
struct CRC32Tests {
    /// One bit after the other, as ITU V.42 has it.
    private func reference(_ octets: [UInt8]) -> UInt32 {
        var sum = UInt32.max
        for octet in octets {
            sum ^= UInt32(octet)
            for _ in 0..<8 { sum = sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
        }
        return ~sum
    }

    @Test func `the check value of the standard`() {
        let octets = Array("123456789".utf8)
        let sum = CRC32.checksum(unsafe octets.span.bytes)
        #expect(sum == 0xCBF4_3926)
    }

    @Test func `octets of any length, in one piece or two, have the sum of their bits`() {
        let octets = (0..<100).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ 5) }
        for length in 0...octets.count {
            let part = Array(octets[0..<length])
            let whole = CRC32.checksum(unsafe part.span.bytes)
            #expect(whole == reference(part))
            for cut in 0...length {
                let first = CRC32.checksum(unsafe part.span.bytes.extracting(0..<cut))
                let both = CRC32.checksum(unsafe part.span.bytes.extracting(cut..<length), after: first)
                #expect(both == whole)
            }
        }
    }
}
