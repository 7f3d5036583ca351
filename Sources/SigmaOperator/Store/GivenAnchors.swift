package import SigmaStore

/// Places of the chain as they were noted elsewhere.
package enum GivenAnchors {
    /// Reads `12345:HASH`, the hash in 64 hexadecimal digits.
    package static func anchor(_ text: String) -> AuditHead? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 ? anchor(parts[0].utf8, parts[1].utf8) : nil
    }

    /// Reads all lines that contain `audit head SEQUENCE HASH`, as the journal of sigma-media has them, in whatever
    /// stands around it; other lines say nothing.
    package static func anchors(in octets: [UInt8]) -> [AuditHead] {
        octets.split(separator: 0x0a).compactMap { line in
            guard let start = end(of: mark, in: line) else { return nil }
            let words = line[start...].split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
            guard words.count >= 2 else { return nil }
            return anchor(words[0], words[1].prefix { $0 > 0x20 })
        }
    }

    private static let mark = Array("audit head ".utf8)

    private static func anchor(_ sequence: some Collection<UInt8>, _ hash: some Collection<UInt8>)
        -> AuditHead?
    {
        guard !sequence.isEmpty, sequence.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int64(String(decoding: sequence, as: UTF8.self)), hash.count == 2 * SHA256.length,
            let octets = [UInt8](hexadecimal: hash)
        else { return nil }
        return AuditHead(sequence: number, hash: octets)
    }

    /// Where the first `mark` in `line` ends.
    private static func end(of mark: [UInt8], in line: ArraySlice<UInt8>) -> Int? {
        var start = line.startIndex
        while line.endIndex - start >= mark.count {
            guard let first = line[start...].firstIndex(of: mark[0]) else { return nil }
            if line[first...].starts(with: mark) { return first + mark.count }
            start = first + 1
        }
        return nil
    }
}
