package import SigmaWire

extension Address {
    /// An address from its text, IPv4 or IPv6, without brackets; `nil` for anything else, names included.
    package init?(literal text: some StringProtocol, port: UInt16) {
        if let v4 = Self.parseIPv4(text) {
            self.init(v4: v4, port: port)
        } else if let groups = Self.parseIPv6(text) {
            let halves = (0..<2).map { half in
                groups[(4 * half)..<(4 * half + 4)].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
            }
            self.init(high: halves[0], low: halves[1], port: port)
        } else {
            return nil
        }
    }

    private static func parseIPv4(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard let octet = UInt8(part) else { return nil }
            value = value << 8 | UInt32(octet)
        }
        return value
    }

    /// RFC 4291 §2.2; the form with a dotted tail is left out, nobody puts it into a candidate.
    private static func parseIPv6(_ text: some StringProtocol) -> [UInt16]? {
        let sides = text.split(separator: ":", omittingEmptySubsequences: false)
        guard sides.count >= 3, sides.count <= 9 else { return nil }
        var before: [UInt16] = []
        var after: [UInt16] = []
        var gap = false
        for (index, side) in sides.enumerated() {
            if side.isEmpty {
                // "::" leaves one empty part inside, one more where it stands at an end.
                if index > 0, index < sides.count - 1 {
                    guard !gap else { return nil }
                    gap = true
                }
                continue
            }
            guard side.count <= 4, let group = UInt16(side, radix: 16) else { return nil }
            if gap { after.append(group) } else { before.append(group) }
        }
        let zeros = 8 - before.count - after.count
        guard gap ? zeros > 0 : zeros == 0 else { return nil }
        return before + [UInt16](repeating: 0, count: zeros) + after
    }
}
