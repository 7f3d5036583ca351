package import SigmaCore
package import SigmaCrypto

/// What the engine is told once.
package struct EngineConfiguration {
    /// Sessions at most, 1 to 2²⁰.
    package var sessionLimit = 4096
    package var journalCapacity = 1 << 16
    package var srtpBackend = SRTPBackend.openssl
    /// Which of the process's shards this is: its sessions have the slots from `shard * sessionLimit` on, as their
    /// ufrags say.
    package var shard = 0
    package var shardCount = 1
    package var loadLimits = LoadGauge.Limits()
    /// Makes `count` octets from a cryptographic source.
    package var entropy: (_ count: Int) -> [UInt8]

    package init(entropy: @escaping (_ count: Int) -> [UInt8]) { self.entropy = entropy }
}

/// What a client of the control protocol asks for when it opens a session; checked by ``Engine/open(_:at:)``.
package struct SessionRequest: Sendable {
    package var sessionID: SessionID
    package var roomID: RoomID
    package var role: Role
    /// 4 to 256 ice-chars (RFC 8839 §5.4).
    package var remoteUfrag: [UInt8]
    /// Any one of them is enough (RFC 8122 §5).
    package var fingerprints: [CertificateFingerprint]
    package var dtlsRole: DTLSRole
    /// 1 to 8.
    package var media: [MediaLineRecord]
    package var rids: [[UInt8]]
    /// At most 64 octets (RFC 7022).
    package var cname: [UInt8]
    /// A publisher that takes over a room which has one: the other is ended when this one's handshake is done, or at
    /// once when nothing has come from it for ``Engine/patience``.
    package var takesOver: Bool

    package init(
        sessionID: SessionID, roomID: RoomID, role: Role, remoteUfrag: [UInt8],
        fingerprints: [CertificateFingerprint], dtlsRole: DTLSRole, media: [MediaLineRecord],
        rids: [[UInt8]] = [], cname: [UInt8], takesOver: Bool = false
    ) {
        self.sessionID = sessionID
        self.roomID = roomID
        self.role = role
        self.remoteUfrag = remoteUfrag
        self.fingerprints = fingerprints
        self.dtlsRole = dtlsRole
        self.media = media
        self.rids = rids
        self.cname = cname
        self.takesOver = takesOver
    }
}

/// Why a command was refused.
package enum CommandError: Error, Equatable, Sendable {
    case invalid(Field)
    case sessionExists
    case noSuchSession
    case full
    case draining
    case roomOccupied
    /// Running sessions need what is left.
    case overloaded

    package enum Field: String, Equatable, Sendable {
        case sessionID = "session_id"
        case roomID = "room_id"
        case role
        case remoteUfrag = "remote_ufrag"
        case fingerprints
        case dtlsRole = "dtls_role"
        case media
        case mid
        case payloadType = "payload_type"
        case extensions
        case ssrcs
        case rids
        case cname
        case reason
        case hash
        case sequence
    }
}
