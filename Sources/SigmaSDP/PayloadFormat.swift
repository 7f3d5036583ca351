/// A payload type of an m-section with all that its lines say about it.
///
/// The lines come in any order: `a=fmtp` may stand before `a=rtpmap`.
package struct PayloadFormat: Equatable, Sendable {
    /// 0 to 127.
    package let payloadType: UInt8
    /// In lower case (RFC 8866 §6.6).
    package let encodingName: String
    /// Hz.
    package let clockRate: UInt32
    /// `nil` where the `a=rtpmap` has none.
    package let channels: Int?
    package let parameters: FormatParameters
    package let feedback: Feedback

    /// Whether an RTP packet with it could be taken for RTCP (RFC 5761 §4).
    package var collidesWithRTCP: Bool { 64...95 ~= payloadType }

    /// The codec that it is, if it is one of ours.
    package var codec: Codec? {
        switch (encodingName, clockRate, channels) {
        // RFC 7587 §7 demands two channels; a line without them can mean nothing else.
        case ("opus", 48_000, 2), ("opus", 48_000, nil): .opus
        case ("h264", 90_000, nil), ("h264", 90_000, 1): .h264
        default: nil
        }
    }
}

/// The semicolon-separated parameters of `a=fmtp`, such as RFC 6184 §8.1 has them.
package struct FormatParameters: Equatable, Sendable {
    private var values: [String: String] = [:]

    init() {}

    init(parsing text: Substring) {
        for part in text.parts(between: ";") {
            let (name, value) = part.halves(at: "=")
            guard let value else { continue }
            values[name.trimmed.lowercased()] = String(value.trimmed)
        }
    }

    /// - Parameter name: In lower case.
    package subscript(name: String) -> String? { values[name] }
}

extension PayloadFormat {
    /// Reads the payload types of an RTP section in the order of its `m=`; those without `a=rtpmap` are
    /// left out, since no codec of ours has a static one.
    static func formats(of section: SessionDescription.Media) -> [PayloadFormat] {
        var mappings: [UInt8: RTPMap] = [:]
        var parameters: [UInt8: FormatParameters] = [:]
        var feedback: [UInt8: Feedback] = [:]
        var feedbackOfAll: Feedback = []
        for attribute in section.attributes {
            let (target, rest) = attribute.value.halves(at: " ")
            let payloadType = target.decimal(UInt8.self)
            switch (attribute.name, payloadType, rest) {
            case ("rtpmap", let payloadType?, let rest?):
                if mappings[payloadType] == nil { mappings[payloadType] = RTPMap(parsing: rest.trimmed) }
            case ("fmtp", let payloadType?, let rest?):
                if parameters[payloadType] == nil {
                    parameters[payloadType] = FormatParameters(parsing: rest)
                }
            case ("rtcp-fb", let payloadType?, let rest?):
                feedback[payloadType, default: []].formUnion(Feedback(parsing: rest))
            case ("rtcp-fb", nil, let rest?) where target == "*":
                feedbackOfAll.formUnion(Feedback(parsing: rest))
            default:
                break
            }
        }
        var seen: Set<UInt8> = []
        return section.formats.compactMap { text in
            guard let payloadType = text.decimal(UInt8.self), payloadType <= 127,
                seen.insert(payloadType).inserted, let mapping = mappings[payloadType]
            else { return nil }
            return PayloadFormat(
                payloadType: payloadType, encodingName: mapping.encodingName, clockRate: mapping.clockRate,
                channels: mapping.channels, parameters: parameters[payloadType] ?? FormatParameters(),
                feedback: feedback[payloadType, default: []].union(feedbackOfAll))
        }
    }
}

/// `<encoding name>/<clock rate>[/<channels>]` of `a=rtpmap` (RFC 8866 §6.6).
private struct RTPMap {
    let encodingName: String
    let clockRate: UInt32
    let channels: Int?

    init?(parsing text: Substring) {
        let parts = text.parts(between: "/")
        guard parts.count >= 2, parts[0].isToken, let clockRate = parts[1].decimal(UInt32.self) else {
            return nil
        }
        self.encodingName = parts[0].lowercased()
        self.clockRate = clockRate
        self.channels = parts.count > 2 ? parts[2].decimal(Int.self) : nil
    }
}

extension Feedback {
    /// Reads the words behind the payload type of `a=rtcp-fb`; unknown ones are no message.
    fileprivate init(parsing text: Substring) {
        let words = text.lowercased().words.joined(separator: " ")
        self = Self.words.first { $0.1 == words }?.0 ?? []
    }
}
