package import FoundationEssentials
package import GRDB

/// A row of `room`.
package struct StoredRoom: Sendable, Equatable, Codable, FetchableRecord, PersistableRecord {
    package static let databaseTableName = "room"
    package static var databaseColumnDecodingStrategy: DatabaseColumnDecodingStrategy {
        .convertFromSnakeCase
    }
    package static var databaseColumnEncodingStrategy: DatabaseColumnEncodingStrategy { .convertToSnakeCase }

    /// 1 to 2⁵³ - 1.
    package let id: Int64
    package let name: String
    package var title: String
    /// Else it ends with its publisher.
    package let isLasting: Bool
    /// SHA-256; `nil`: the server's token publishes.
    package var publishKey: Data?
    /// SHA-256; `nil`: anybody watches.
    package var watchKey: Data?
    /// Unix time, ms, as all times here.
    package let createdAt: Int64
    /// `token`, `admin` or `uid N`.
    package let createdBy: String
    package var lastLiveAt: Int64?
    package var endedAt: Int64?
    /// What was published last, as whoever stores it writes it.
    package var media: String?

    package init(
        id: Int64, name: String, title: String = "", isLasting: Bool, publishKey: Data? = nil,
        watchKey: Data? = nil, createdAt: Int64, createdBy: String, media: String? = nil
    ) {
        self.id = id
        self.name = name
        self.title = title
        self.isLasting = isLasting
        self.publishKey = publishKey
        self.watchKey = watchKey
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.media = media
    }
}

package enum StoredRole: String, Sendable, Codable, DatabaseValueConvertible {
    case publisher
    case viewer
}

/// A row of `session`.
package struct StoredSession: Sendable, Equatable, Codable, FetchableRecord {
    package static var databaseColumnDecodingStrategy: DatabaseColumnDecodingStrategy {
        .convertFromSnakeCase
    }

    /// What others call the session; its id is a secret.
    package let number: Int64
    /// SHA-256 of the id.
    package let idHash: Data
    package let room: Int64
    package let role: StoredRole
    package let openedAt: Int64
    package let connectedAt: Int64?
    package let endedAt: Int64?
    package let reason: String?
    package let octetsSent: Int64?
    package let octetsReceived: Int64?
    /// SHA-256 of the peer's ICE credentials; `nil` for a session that was adopted.
    package let credentialsHash: Data?
    package let entityTag: String?
    package let media: String?
}

/// A session that media has opened.
package struct NewSession: Sendable {
    package let idHash: Data
    package let room: Int64
    package let role: StoredRole
    package let openedAt: Int64
    package var credentialsHash: Data?
    package var entityTag: String?
    package var media: String?
    package var client: ClientData?

    package init(idHash: Data, room: Int64, role: StoredRole, openedAt: Int64) {
        self.idHash = idHash
        self.room = room
        self.role = role
        self.openedAt = openedAt
    }
}

/// Who a session is of: personal data, kept apart from the audit.
package struct ClientData: Sendable, Equatable, Codable, FetchableRecord {
    package let address: String
    package let userAgent: String

    package static var databaseColumnDecodingStrategy: DatabaseColumnDecodingStrategy {
        .convertFromSnakeCase
    }

    package init(address: String, userAgent: String) {
        self.address = address
        self.userAgent = userAgent
    }

    /// What the audit holds of it: with the salt erased it says nothing any more.
    func commitment(salt: [UInt8]) -> String {
        SHA256.hash(salt + Array(address.utf8) + [0] + Array(userAgent.utf8)).hexadecimal
    }
}

extension Collection<UInt8> {
    /// Two lower-case digits for each octet.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: flatMap { [digits[Int($0) / 16], digits[Int($0) % 16]] }, as: UTF8.self)
    }
}

extension [UInt8] {
    /// The octets that pairs of hexadecimal digits, of either case, stand for.
    ///
    /// - Returns: `nil` for anything else.
    package init?(hexadecimal text: some Collection<UInt8>) {
        let digits = text.compactMap(Self.digit)
        guard digits.count == text.count, digits.count.isMultiple(of: 2) else { return nil }
        self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private static func digit(_ octet: UInt8) -> UInt8? {
        switch octet {
        case 0x30...0x39: octet - 0x30
        case 0x41...0x46: octet - 0x37
        case 0x61...0x66: octet - 0x57
        default: nil
        }
    }
}
