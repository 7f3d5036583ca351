/// Cuts octets into the lines of SDP (RFC 8866 §5).
///
/// Lines end in LF or CRLF; empty ones are skipped, because some clients end their offer with one.
struct LineReader {
    struct Line {
        /// Counted from 1, empty lines included.
        let number: Int
        let letter: UInt8
        let value: ArraySlice<UInt8>
    }

    private var rest: ArraySlice<UInt8>
    private var number = 0

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    /// - Returns: `nil` at the end.
    mutating func next() throws(SDPError) -> Line? {
        while !rest.isEmpty {
            number += 1
            guard number <= SessionDescription.maximumLines else { throw .tooManyLines }
            var line = rest.prefix { $0 != UInt8(ascii: "\n") }
            rest = rest.dropFirst(line.count + 1)
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            if line.isEmpty { continue }
            return try parse(line)
        }
        return nil
    }

    private func parse(_ line: ArraySlice<UInt8>) throws(SDPError) -> Line {
        let value = line.dropFirst(2)
        guard let letter = line.first, UInt8(ascii: "a")...UInt8(ascii: "z") ~= letter,
            line.dropFirst().first == UInt8(ascii: "="),
            !value.contains(0), !value.contains(UInt8(ascii: "\r"))
        else { throw .malformedLine(number) }
        return Line(number: number, letter: letter, value: value)
    }
}
