package import FoundationEssentials
package import SigmaSettings
import SigmaStore

/// A session's name in the control protocol, and the secret in its URL.
///
/// 128 random bits (RFC 9725 §5 asks for a URL that cannot be guessed): who knows it may end the session,
/// so it is never logged whole.
package struct SessionID: Sendable, Hashable, Comparable, CustomStringConvertible {
    private let upper: UInt64
    private let lower: UInt64

    package init() {
        var generator = SystemRandomNumberGenerator()
        upper = generator.next()
        lower = generator.next()
    }

    /// - Parameter octets: 16 of them; any other count gives `nil`.
    package init?(octets: some Collection<UInt8>) {
        guard octets.count == 16 else { return nil }
        upper = octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        lower = octets.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// - Parameter hexadecimal: 32 lower-case digits; anything else gives `nil`.
    package init?(hexadecimal: some StringProtocol) {
        let digits = Array("0123456789abcdef".utf8)
        guard hexadecimal.utf8.count == 32, hexadecimal.utf8.allSatisfy({ digits.contains($0) }),
            let upper = UInt64(hexadecimal.prefix(16), radix: 16),
            let lower = UInt64(hexadecimal.suffix(16), radix: 16)
        else { return nil }
        self.upper = upper
        self.lower = lower
    }

    /// What is stored of it: the id itself is a secret.
    package var hash: Data { Data(SHA256.hash(octets)) }

    package var octets: [UInt8] {
        [upper, lower].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
    }

    /// 32 lower-case digits.
    package var hexadecimal: String { octets.hexadecimal }

    /// The first 8 digits, which is what logs show.
    package var description: String { String(hexadecimal.prefix(8)) }

    package static func < (left: SessionID, right: SessionID) -> Bool {
        (left.upper, left.lower) < (right.upper, right.lower)
    }
}

/// A room's number: 1 to 2^53 - 1, so that every JSON reader keeps it exactly.
///
/// Rooms that somebody named have the lower half of the range, others the upper, so the two never meet. The number
/// of a named room follows from its name: the rooms that media serves are found again even where the database
/// was lost.
package struct RoomID: Sendable, Hashable, CustomStringConvertible {
    package let number: UInt64

    package init?(number: UInt64) {
        guard number > 0, number < 1 << 53 else { return nil }
        self.number = number
    }

    /// Of a named room: FNV-1a over the name, folded to 52 bits.
    package init(of name: RoomName) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for octet in name.text.utf8 {
            hash = (hash ^ UInt64(octet)) &* 0x100_0000_01b3
        }
        let folded = (hash >> 52) ^ (hash & (Self.half - 1))
        number = folded == 0 ? 1 : folded
    }

    /// Of an unnamed room.
    package static func random() -> RoomID {
        RoomID(unchecked: .random(in: half..<half * 2))
    }

    private init(unchecked number: UInt64) {
        self.number = number
    }

    private static let half: UInt64 = 1 << 52

    package var description: String { String(number) }
}

/// The name of a room: 1 to 64 of the characters a to z, 0 to 9 and `-`.
package struct RoomName: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    package init?(_ text: some StringProtocol) {
        guard (1...64).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d })
        else { return nil }
        self.text = String(text)
    }

    package var description: String { text }

    /// For a room that nobody named: 128 random bits as 26 characters, which cannot be guessed.
    package static func random() -> RoomName {
        var random = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdefghjkmnpqrstvwxyz")
        let text = String((0..<26).map { _ in digits[Int.random(in: 0..<digits.count, using: &random)] })
        return RoomName(unchecked: text)
    }

    /// Of a room that media serves and no row tells of.
    package init(recovered id: RoomID) {
        text = "room-\(id)"
    }

    private init(unchecked text: String) {
        self.text = text
    }
}

/// SHA-256 of a key that was made by ``make()`` or chosen: what is kept of it.
package struct KeyHash: Sendable, Hashable {
    package let octets: Data

    package init(of key: Secret) {
        octets = Data(SHA256.hash(Array(key.exposed.utf8)))
    }

    /// - Parameter octets: 32 of them.
    package init(stored octets: Data) {
        self.octets = octets
    }

    /// Compares in constant time.
    package func matches(_ key: some StringProtocol) -> Bool {
        let other = SHA256.hash(Array(key.utf8))
        var difference = octets.count ^ other.count
        for (a, b) in zip(octets, other) { difference |= Int(a ^ b) }
        return difference == 0
    }

    /// A new key of 128 random bits, as 32 hexadecimal digits.
    package static func make() -> Secret { Secret(SessionID().hexadecimal) }
}
