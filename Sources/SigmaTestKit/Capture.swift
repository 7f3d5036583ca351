/// Reads the two forms in which captures are stored beside the tests.
package enum Capture {
    /// Datagrams stored one after the other, each behind its length in 2 octets, network order.
    ///
    /// - Returns: The datagrams; what is left when a length runs past the end is left out.
    package static func datagrams(lengthPrefixed bytes: [UInt8]) -> [[UInt8]] {
        var datagrams: [[UInt8]] = []
        var offset = 0
        while offset + 2 <= bytes.count {
            let end = offset + 2 + (Int(bytes[offset]) << 8 | Int(bytes[offset + 1]))
            guard end <= bytes.count else { break }
            datagrams.append(Array(bytes[(offset + 2)..<end]))
            offset = end
        }
        return datagrams
    }

    /// Octets written as hexadecimal text; everything that is no hexadecimal digit is skipped.
    package static func octets(hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }
}
