/// Text from strangers, made fit for a terminal.
package enum Printable {
    /// `text` with everything escaped that acts on a terminal instead of being seen: control characters (C0, DEL,
    /// C1), ends of lines, and what changes the direction of the text around it.
    package static func text(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isActing) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            if isActing(scalar) {
                shown += scalar.escaped(asASCII: true)
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// The beginning of `text` that is no wider than `columns`, with `…` where something is left out.
    package static func cut(_ text: String, to columns: Int) -> String {
        guard width(of: text) > columns else { return text }
        var shown = ""
        var taken = 1
        for character in text {
            taken += width(of: character)
            if taken > columns { break }
            shown.append(character)
        }
        return shown + "…"
    }

    /// Columns that a terminal gives `text`.
    package static func width(of text: String) -> Int {
        text.utf8.allSatisfy { $0 < 0x80 } ? text.utf8.count : text.reduce(0) { $0 + width(of: $1) }
    }

    static func isActing(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        // The joiners make one picture of several, and nothing else.
        case .format: scalar.value != 0x200c && scalar.value != 0x200d
        default: false
        }
    }

    private static func width(of character: Character) -> Int {
        character.unicodeScalars.reduce(0) { max($0, width(of: $1)) }
    }

    private static func width(of scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        return wide.contains { $0.contains(scalar.value) } ? 2 : 1
    }

    /// East Asian Wide and Fullwidth, in blocks (UAX #11), and pictures.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x4dbf, 0x4e00...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff,
        0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f680...0x1f6ff,
        0x1f900...0x1f9ff, 0x20000...0x3fffd,
    ]
}
