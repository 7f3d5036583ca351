/// An ICE user name fragment and password (RFC 8839 §5.4).
///
/// Printing it hides the password.
package struct ICECredentials: Equatable, Sendable {
    /// 4 to 256 ice-chars.
    package let ufrag: String
    /// 22 to 256 ice-chars.
    package let password: String

    /// - Returns: `nil` when one of them breaks the grammar (RFC 8839 §5.4).
    package init?(ufrag: String, password: String) {
        guard Self.isUfrag(ufrag), Self.isICEText(password, length: 22...256) else { return nil }
        self.ufrag = ufrag
        self.password = password
    }

    static func isUfrag(_ text: String) -> Bool { isICEText(text, length: 4...256) }

    /// ice-char = ALPHA / DIGIT / "+" / "/" (RFC 8839 §5.1).
    private static func isICEText(_ text: String, length: ClosedRange<Int>) -> Bool {
        length.contains(text.utf8.count)
            && text.utf8.allSatisfy {
                $0.isAlphanumeric || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/")
            }
    }
}

extension ICECredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "ufrag \(ufrag), password hidden" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["ufrag": ufrag]) }
}
