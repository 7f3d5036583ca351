/// What happened, as the audit keeps it.
package enum AuditKind: String, Sendable, CaseIterable {
    case roomCreated = "room_created"
    case roomChanged = "room_changed"
    case roomEnded = "room_ended"
    case keyRotated = "key_rotated"
    case keyRemoved = "key_removed"
    case published
    case takenOver = "taken_over"
    case publisherConnected = "publisher_connected"
    case publisherLive = "publisher_live"
    case publisherSilent = "publisher_silent"
    case publishEnded = "publish_ended"
    case viewerJoined = "viewer_joined"
    case viewerConnected = "viewer_connected"
    case viewerLeft = "viewer_left"
    case disconnected
    case reconnected
    case trackKnown = "track_known"
    case keyframeInterval = "keyframe_interval"
    case troublesChanged = "troubles_changed"
    case layerSwitched = "layer_switched"
    case kicked
    case sessionAdopted = "session_adopted"
    case mediaEvent = "media_event"
    case journalGap = "journal_gap"
    case mediaRestarted = "media_restarted"
    case anchorMismatch = "anchor_mismatch"
    case clientErased = "client_erased"
    case pruned
}

/// One row of the audit before it has a place in the chain.
package struct AuditEntry: Sendable, Equatable {
    package enum Value: Sendable, Equatable {
        case integer(Int64)
        case text(String)
        case flag(Bool)
        case texts([String])
    }

    package let kind: AuditKind
    /// Unix time, ms.
    package let time: Int64
    /// What else is known, in the order in which it is written; `nil` is left out.
    package private(set) var details: [(name: String, value: Value)] = []

    package init(_ kind: AuditKind, at time: Int64) {
        self.kind = kind
        self.time = time
    }

    package func with(_ name: String, _ value: Int64?) -> AuditEntry {
        adding(name, value.map { .integer($0) })
    }
    package func with(_ name: String, _ value: String?) -> AuditEntry {
        adding(name, value.map { .text($0) })
    }
    package func with(_ name: String, _ value: Bool) -> AuditEntry { adding(name, .flag(value)) }
    package func with(_ name: String, _ value: [String]) -> AuditEntry { adding(name, .texts(value)) }

    private func adding(_ name: String, _ value: Value?) -> AuditEntry {
        guard let value else { return self }
        var entry = self
        entry.details.append((name, value))
        return entry
    }

    /// The note that vouches for a checkpoint.
    static func pruning(through checkpoint: AuditHead, at time: Int64) -> AuditEntry {
        AuditEntry(.pruned, at: time).with("through", checkpoint.sequence)
            .with("hash", checkpoint.hash.hexadecimal)
    }

    /// The exact text that is hashed: a JSON object (RFC 8259) without blanks.
    func body(sequence: Int64) -> String {
        var text = "{\"seq\":\(sequence),\"time\":\(time),\"kind\":\"\(kind.rawValue)\""
        for (name, value) in details {
            text += ",\"\(name)\":"
            switch value {
            case .integer(let number): text += String(number)
            case .text(let string): text += Self.quoted(string)
            case .flag(let flag): text += flag ? "true" : "false"
            case .texts(let strings): text += "[\(strings.map(Self.quoted).joined(separator: ","))]"
            }
        }
        return text + "}"
    }

    package static func == (left: AuditEntry, right: AuditEntry) -> Bool {
        left.kind == right.kind && left.time == right.time
            && left.details.elementsEqual(right.details) { $0.name == $1.name && $0.value == $1.value }
    }

    /// A JSON string (RFC 8259 §7).
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

/// A row of the audit.
package struct AuditRecord: Sendable, Equatable {
    package let sequence: Int64
    package let kind: String
    /// A JSON object: the octets that are hashed.
    package let body: String
    package let hash: [UInt8]

    package init(sequence: Int64, kind: String, body: String, hash: [UInt8]) {
        self.sequence = sequence
        self.kind = kind
        self.body = body
        self.hash = hash
    }
}

/// A place in the chain: the last row, or the one that others are compared at.
package struct AuditHead: Sendable, Equatable {
    /// 0 before the first row.
    package let sequence: Int64
    /// 32 octets.
    package let hash: [UInt8]

    package init(sequence: Int64, hash: [UInt8]) {
        self.sequence = sequence
        self.hash = hash
    }

    /// Before the first row.
    package static let origin = AuditHead(sequence: 0, hash: [UInt8](repeating: 0, count: SHA256.length))

    /// The hash of the row that follows and has `body`.
    package func hash(ofNext body: String) -> [UInt8] { hash(ofNext: body.utf8.span) }

    func hash(ofNext body: Span<UInt8>) -> [UInt8] {
        var input = hash
        input.reserveCapacity(hash.count + body.count)
        for index in body.indices { input.append(body[index]) }
        return SHA256.hash(input)
    }
}
