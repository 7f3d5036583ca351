import FoundationEssentials
import SigmaStore

/// The body of a row of the audit, read.
package struct AuditBody: Decodable, Equatable {
    package enum Value: Decodable, Equatable {
        case integer(Int64)
        case text(String)
        case flag(Bool)
        case texts([String])
        /// Of a shape that this version does not know.
        case other

        package init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
            } else if let number = try? container.decode(Int64.self) {
                self = .integer(number)
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let texts = try? container.decode([String].self) {
                self = .texts(texts)
            } else {
                self = .other
            }
        }
    }

    private let members: [String: Value]

    package init(from decoder: any Decoder) throws { members = try [String: Value](from: decoder) }

    /// `nil` for what is no JSON object.
    package init?(_ text: String) {
        guard let body = try? JSONDecoder().decode(AuditBody.self, from: Data(text.utf8)) else { return nil }
        self = body
    }

    var names: [String] { members.keys.sorted() }

    subscript(_ name: String) -> Value? { members[name] }

    func integer(_ name: String) -> Int64? {
        if case .integer(let number)? = members[name] { number } else { nil }
    }

    func text(_ name: String) -> String? {
        if case .text(let text)? = members[name] { text } else { nil }
    }
}

extension AuditBody {
    /// What the row says beyond when, what, where and who, in a few words.
    package var details: String {
        var parts = Self.order.compactMap { name in members[name].flatMap { phrase(name, $0) } }
        if let width = integer("width"), let height = integer("height") { parts.append("\(width)x\(height)") }
        let known = Set(Self.order).union(Self.untold)
        for name in names where !known.contains(name) {
            if let value = members[name] { parts.append("\(name)=\(Self.plain(value))") }
        }
        return parts.joined(separator: ", ")
    }

    /// Told in this order.
    private static let order = [
        "name", "title", "lasting", "key", "role", "media", "codec", "profile_level_id", "reason", "duration",
        "octets_sent",
        "octets_received", "milliseconds", "troubles", "keyframe_interval", "from", "first", "last",
        "through",
        "count", "by",
    ]

    /// Columns of their own, or of use to programs only.
    private static let untold: Set<String> = [
        "seq", "time", "kind", "room", "session", "journal", "number", "client", "hash", "media_line",
        "width",
        "height",
    ]

    private func phrase(_ name: String, _ value: Value) -> String? {
        switch (name, value) {
        case ("lasting", .flag(let isLasting)): isLasting ? "lasting" : nil
        case ("key", .text(let key)): "\(key) key"
        case ("name", .text(let text)), ("reason", .text(let text)), ("role", .text(let text)),
            ("media", .text(let text)), ("codec", .text(let text)):
            text
        case ("profile_level_id", .text(let profile)): "profile \(profile)"
        case ("title", .text(let title)): "title “\(title)”"
        case ("duration", .integer(let time)): "after \(Quantity.duration(milliseconds: time))"
        case ("octets_sent", .integer(let count)): "\(Quantity.octets(count)) sent"
        case ("octets_received", .integer(let count)): "\(Quantity.octets(count)) received"
        case ("milliseconds", .integer(let time)): "every \(Quantity.seconds(milliseconds: time))"
        case ("keyframe_interval", .integer(let time)):
            time == 0 ? nil : "keyframes \(Quantity.seconds(milliseconds: time)) apart"
        case ("troubles", .texts(let codes)): codes.isEmpty ? "none" : codes.joined(separator: ", ")
        case ("from", .integer(let session)): "from session \(session)"
        case ("first", .integer(let first)): "from event \(first)"
        case ("last", .integer(let last)): "to event \(last)"
        case ("through", .integer(let row)): "up to row \(row)"
        case ("count", .integer(let count)): "\(count) of them"
        case ("by", .text(let whom)): "by \(whom)"
        default: "\(name)=\(Self.plain(value))"
        }
    }

    private static func plain(_ value: Value) -> String {
        switch value {
        case .integer(let number): String(number)
        case .text(let text): text
        case .flag(let flag): flag ? "yes" : "no"
        case .texts(let texts): texts.joined(separator: "+")
        case .other: "…"
        }
    }
}

extension AuditRecord {
    /// One object: the columns `seq`, `body` and `hash`, the body as it stands in the database.
    ///
    /// A body that is no JSON object, or has ends of lines in it, is not one of ours: it becomes a string.
    func json(_ read: AuditBody?) -> JSONText {
        let isWhole = read != nil && !body.utf8.contains { $0 < 0x20 }
        return .object([
            ("seq", .integer(sequence)), ("body", isWhole ? .verbatim(body) : .text(body)),
            ("hash", .text(hash.hexadecimal)),
        ])
    }
}
