// ASCII, as SDP needs it.

extension UInt8 {
    var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }

    var isAlphanumeric: Bool {
        isDigit || UInt8(ascii: "a")...UInt8(ascii: "z") ~= self
            || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= self
    }

    /// VCHAR (RFC 5234 §B.1).
    var isVisible: Bool { 0x21...0x7e ~= self }

    /// token-char (RFC 8866 §9).
    var isTokenCharacter: Bool {
        switch self {
        case 0x21, 0x23...0x27, 0x2a...0x2b, 0x2d...0x2e, 0x30...0x39, 0x41...0x5a, 0x5e...0x7e: true
        default: false
        }
    }

    /// The value of a hexadecimal digit in either case.
    var hexadecimalValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension StringProtocol where SubSequence == Substring, UTF8View: BidirectionalCollection {
    /// A token (RFC 8866 §9).
    var isToken: Bool { !utf8.isEmpty && utf8.allSatisfy(\.isTokenCharacter) }

    /// Only visible ASCII, at least one octet.
    var isVisible: Bool { !utf8.isEmpty && utf8.allSatisfy(\.isVisible) }

    var isDecimal: Bool { !utf8.isEmpty && utf8.allSatisfy(\.isDigit) }

    /// A number without sign and leading zeros, as `integer` and `zero-based-integer` are in the grammar
    /// (RFC 8866 §9); `nil` also when it does not fit.
    func decimal<Number: FixedWidthInteger>(_: Number.Type = Number.self) -> Number? {
        isDecimal && (utf8.first != UInt8(ascii: "0") || utf8.count == 1) ? Number(self) : nil
    }

    /// The parts between separators, empty ones left out.
    func parts(between separator: Unicode.Scalar) -> [Substring] {
        utf8.split(separator: UInt8(ascii: separator)).map { self[$0.startIndex..<$0.endIndex] }
    }

    /// The words between spaces, however many spaces there are.
    var words: [Substring] { parts(between: " ") }

    /// Without spaces at both ends.
    var trimmed: SubSequence {
        let space = UInt8(ascii: " ")
        guard let start = utf8.firstIndex(where: { $0 != space }),
            let last = utf8.lastIndex(where: { $0 != space })
        else { return self[endIndex...] }
        return self[start...last]
    }

    /// What stands before and behind the first separator; everything and `nil` where there is none.
    func halves(at separator: Unicode.Scalar) -> (SubSequence, SubSequence?) {
        guard let index = utf8.firstIndex(of: UInt8(ascii: separator)) else { return (self[...], nil) }
        return (self[..<index], self[utf8.index(after: index)...])
    }
}
