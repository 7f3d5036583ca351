/// The CRC of ITU V.42, reflected, as FINGERPRINT uses it (RFC 8489 §14.7).
///
/// Eight octets at a time, each looked up in a table of its own ("slicing by 8").
package enum CRC32 {
    /// Eight tables of 256: table n is what an octet does to the sum when n others follow it.
    private static let tables: [UInt32] = {
        var tables: [UInt32] = (0..<256).map { index -> UInt32 in
            (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
        }
        for place in 256..<2048 {
            let sum = tables[place - 256]
            tables.append(tables[Int(sum & 0xFF)] ^ sum >> 8)
        }
        return tables
    }()

    /// - Parameter previous: The checksum of octets that stand before these.
    package static func checksum(_ bytes: RawSpan, after previous: UInt32 = 0) -> UInt32 {
        // No index below goes beyond eight tables of 256.
        unsafe tables.withUnsafeBufferPointer { table in
            var sum = ~previous
            var offset = 0
            while bytes.byteCount - offset >= 8 {
                let low = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
                let high = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
                sum = unsafe fold(sum ^ UInt32(littleEndian: low), table, last: 7)
                sum ^= unsafe fold(UInt32(littleEndian: high), table, last: 3)
                offset += 8
            }
            while offset < bytes.byteCount {
                sum = unsafe table[Int((sum ^ UInt32(bytes.octet(at: offset))) & 0xFF)] ^ sum >> 8
                offset += 1
            }
            return ~sum
        }
    }

    /// - Parameter last: How many octets follow the first one of `word`.
    @inline(__always)
    private static func fold(
        _ word: UInt32, _ table: UnsafeBufferPointer<UInt32>, last: Int
    ) -> UInt32 {
        let first = unsafe table[last << 8 | Int(word & 0xFF)]
        let second = unsafe table[(last - 1) << 8 | Int(word >> 8 & 0xFF)]
        let third = unsafe table[(last - 2) << 8 | Int(word >> 16 & 0xFF)]
        let fourth = unsafe table[(last - 3) << 8 | Int(word >> 24)]
        return first ^ second ^ third ^ fourth
    }
}
