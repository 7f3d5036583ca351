internal import SigmaWire

/// Our ufrag and password for one session (RFC 8445 §5.3).
///
/// The ufrag is 4 characters of base32 that say the slot, then 8 random ones (40 bits): any shard routes a
/// check without a table. The password is 32 random characters of 5 bits, 160 in all.
package struct ICECredentials: Equatable, Sendable, CustomStringConvertible {
    package let ufrag: [UInt8]
    package let password: [UInt8]

    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
    package static let ufragLength = 12
    package static let entropyLength = 40

    /// - Parameter entropy: ``entropyLength`` octets from a cryptographic source.
    package init(slot: UInt32, entropy: [UInt8]) {
        precondition(entropy.count == Self.entropyLength, "every character has an octet of its own")
        let place = [15, 10, 5, 0].map { Self.alphabet[Int(slot >> UInt32($0) & 31)] }
        ufrag = place + entropy[0..<8].map { Self.alphabet[Int($0 & 31)] }
        password = entropy[8..<40].map { Self.alphabet[Int($0 & 31)] }
    }

    /// The slot that a ufrag of ours names; `nil` for one that is not of our making.
    package static func slot(ofUfrag ufrag: RawSpan) -> UInt32? {
        guard ufrag.byteCount == ufragLength else { return nil }
        var slot: UInt32 = 0
        for place in 0..<4 {
            let character = ufrag.octet(at: place)
            switch character {
            case UInt8(ascii: "a")...UInt8(ascii: "z"):
                slot = slot << 5 | UInt32(character - UInt8(ascii: "a"))
            case UInt8(ascii: "2")...UInt8(ascii: "7"):
                slot = slot << 5 | UInt32(character - UInt8(ascii: "2") + 26)
            default: return nil
            }
        }
        return slot
    }

    package var description: String { "ICECredentials(redacted)" }
}
