/// A simulcast layer that a publisher offers to send (RFC 8853 §5.1, RFC 8851 §4).
package struct OfferedLayer: Equatable, Sendable {
    package let rid: String
    /// The restrictions of its `a=rid`, as they stand there; mostly empty.
    package let restrictions: String

    /// The payload types that it is limited to; empty for no limit (RFC 8851 §5).
    var payloadTypes: [UInt8] {
        for restriction in restrictions.parts(between: ";") {
            let (name, value) = restriction.halves(at: "=")
            if name == "pt", let value { return value.parts(between: ",").compactMap { $0.decimal() } }
        }
        return []
    }

    /// Reads the layers of `a=simulcast:send`, of alternatives the first; paused ones (`~`) count.
    ///
    /// A rid that has no valid `a=rid:… send` is left out (RFC 8853 §5.3.2).
    static func sent(in attributes: [SessionDescription.Attribute]) -> [OfferedLayer] {
        guard let list = sendList(attributes.first("simulcast")) else { return [] }
        var described: [String: OfferedLayer] = [:]
        for attribute in attributes.all("rid") {
            guard let layer = OfferedLayer(parsing: attribute.value), described[layer.rid] == nil else {
                continue
            }
            described[layer.rid] = layer
        }
        return list.parts(between: ";").compactMap { alternatives in
            guard var rid = alternatives.parts(between: ",").first else { return nil }
            if rid.hasPrefix("~") { rid = rid.dropFirst() }
            return described.removeValue(forKey: String(rid))
        }
    }

    /// What stands behind `send`.
    private static func sendList(_ attribute: SessionDescription.Attribute?) -> Substring? {
        let words = attribute?.value.words ?? []
        for (word, list) in zip(words, words.dropFirst()) where word == "send" {
            return list
        }
        return nil
    }

    /// Reads `<rid> send [<restrictions>]`.
    private init?(parsing value: String) {
        let words = value.words
        guard words.count >= 2, words[1] == "send",
            words[0].utf8.allSatisfy({
                $0.isAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            })
        else { return nil }
        rid = String(words[0])
        restrictions = words.count > 2 && words[2].isVisible ? String(words[2]) : ""
    }
}
