/// An IPv4 or IPv6 address in one form: 16 octets, network order, IPv4 mapped (RFC 4291 §2.5.5.2).
package struct IPAddress: Sendable, Hashable {
    private let upper: UInt64
    private let lower: UInt64

    /// Makes an address from network-order octets.
    ///
    /// - Parameter octets: 4 or 16 of them; any other count gives `nil`.
    package init?(octets: some Collection<UInt8>) {
        switch octets.count {
        case 4:
            self.init(upper: 0, lower: Self.mappedPrefix | Self.bigEndian(octets))
        case 16:
            self.init(upper: Self.bigEndian(octets.prefix(8)), lower: Self.bigEndian(octets.dropFirst(8)))
        default:
            return nil
        }
    }

    /// Parses `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]` or `::ffff:192.0.2.1` (RFC 4291 §2.2).
    ///
    /// Zone identifiers, shortened IPv4 forms and leading zeros in IPv4 are refused.
    package init?(parsing text: some StringProtocol) {
        if text.hasPrefix("["), text.hasSuffix("]"), text.count > 2 {
            self.init(parsingIPv6: text.dropFirst().dropLast())
        } else if text.contains(":") {
            self.init(parsingIPv6: text)
        } else if let value = Self.parseIPv4(text) {
            self.init(upper: 0, lower: Self.mappedPrefix | UInt64(value))
        } else {
            return nil
        }
    }

    private init(upper: UInt64, lower: UInt64) {
        self.upper = upper
        self.lower = lower
    }

    /// Whether the address is an IPv4 address, written as such or mapped.
    package var isIPv4: Bool { upper == 0 && lower >> 32 == 0xffff }

    /// `0.0.0.0` or `::`.
    package var isUnspecified: Bool { upper == 0 && (lower == 0 || lower == Self.mappedPrefix) }

    /// `127.0.0.0/8` or `::1`.
    package var isLoopback: Bool {
        isIPv4 ? (lower >> 24) & 0xff == 127 : upper == 0 && lower == 1
    }

    /// `224.0.0.0/4` or `ff00::/8`.
    package var isMulticast: Bool {
        isIPv4 ? (lower >> 28) & 0xf == 0xe : upper >> 56 == 0xff
    }

    /// `169.254.0.0/16` or `fe80::/10`.
    package var isLinkLocal: Bool {
        isIPv4 ? (lower >> 16) & 0xffff == 0xa9fe : upper >> 54 == 0x3fa
    }

    /// The 16 octets, IPv4 mapped.
    package var octets: [UInt8] {
        [upper, lower].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
    }

    /// 4 octets for IPv4, 16 for IPv6.
    package var shortestOctets: [UInt8] { isIPv4 ? Array(octets.suffix(4)) : octets }

    /// What limits count: the IPv4 address itself, or the 64 bits of an IPv6 address that name a subnet, in
    /// which one client has all addresses to itself (RFC 4291 §2.5.4).
    package var subnet: IPAddress { isIPv4 ? self : masked(toFirst: 64) }

    /// The address with all but its first `length` bits cleared, counted over the 16 octets.
    func masked(toFirst length: Int) -> IPAddress {
        IPAddress(
            upper: upper & Self.mask(length), lower: lower & Self.mask(length > 64 ? length - 64 : 0))
    }

    private static let mappedPrefix: UInt64 = 0xffff_0000_0000

    private static func mask(_ length: Int) -> UInt64 {
        length >= 64 ? .max : length <= 0 ? 0 : ~(UInt64.max >> UInt64(length))
    }

    private static func bigEndian(_ octets: some Collection<UInt8>) -> UInt64 {
        octets.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension IPAddress {
    private static func parseIPv4(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard part.utf8.count <= 3, part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                part.utf8.count == 1 || part.utf8.first != 0x30, let octet = UInt8(part)
            else { return nil }
            value = value << 8 | UInt32(octet)
        }
        return value
    }

    private init?(parsingIPv6 text: some StringProtocol) {
        let halves = Self.splitAtGap(String(text))
        guard let head = Self.parseGroups(halves.head, mayEndInIPv4: halves.tail == nil) else { return nil }
        var groups = head
        if let tailText = halves.tail {
            // "::" stands for at least one group of zeros.
            guard let tail = Self.parseGroups(tailText, mayEndInIPv4: true), head.count + tail.count <= 7
            else { return nil }
            groups += Array(repeating: 0, count: 8 - head.count - tail.count) + tail
        }
        guard groups.count == 8 else { return nil }
        self.init(octets: groups.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] })
    }

    /// The text before and after the first `::`; no tail where there is none.
    private static func splitAtGap(_ text: String) -> (head: Substring, tail: Substring?) {
        var index = text.startIndex
        while let next = text.index(index, offsetBy: 1, limitedBy: text.endIndex), next < text.endIndex {
            if text[index] == ":", text[next] == ":" {
                return (text[..<index], text[text.index(after: next)...])
            }
            index = next
        }
        return (text[...], nil)
    }

    private static func parseGroups(_ text: Substring, mayEndInIPv4: Bool) -> [UInt16]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, part.contains(".") {
                guard let value = parseIPv4(part) else { return nil }
                groups += [UInt16(value >> 16), UInt16(truncatingIfNeeded: value)]
            } else {
                guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ $0 != 0x2b && $0 != 0x2d }),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }
}

extension IPAddress: CustomStringConvertible {
    /// The text form of RFC 5952, without brackets.
    package var description: String {
        let octets = self.octets
        if isIPv4 { return octets.suffix(4).map { String($0) }.joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(octets[$0]) << 8 | UInt16(octets[$0 + 1]) }
        let gap = Self.longestZeroRun(groups)
        let text = { (part: ArraySlice<UInt16>) in part.map { String($0, radix: 16) }.joined(separator: ":") }
        guard gap.count > 1 else { return text(groups[...]) }
        return text(groups[..<gap.lowerBound]) + "::" + text(groups[gap.upperBound...])
    }

    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int> {
        var best = 0..<0
        var start = 0
        for (index, group) in groups.enumerated() {
            if group != 0 {
                start = index + 1
            } else if index + 1 - start > best.count {
                best = start..<(index + 1)
            }
        }
        return best
    }
}
