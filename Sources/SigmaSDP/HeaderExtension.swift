/// RTP header extensions that are read, written or carried over (RFC 8285).
package enum ExtensionKind: Equatable, Sendable, CaseIterable {
    case mid
    case rid
    case repairedRid
    case audioLevel
    case videoOrientation
    case absSendTime
    case transportCC
    case playoutDelay
    case colorSpace
    case absCaptureTime

    /// The URI of `a=extmap`.
    package var uri: String {
        switch self {
        case .mid: "urn:ietf:params:rtp-hdrext:sdes:mid"
        case .rid: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
        case .repairedRid: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
        case .audioLevel: "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
        case .videoOrientation: "urn:3gpp:video-orientation"
        case .absSendTime: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
        case .transportCC: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
        case .playoutDelay: "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
        case .colorSpace: "http://www.webrtc.org/experiments/rtp-hdrext/color-space"
        case .absCaptureTime: "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
        }
    }
}

/// A header extension and the id that stands for it in packets of this session.
package struct HeaderExtension: Equatable, Sendable {
    package let kind: ExtensionKind
    /// 1 to 14, the ids of the one-byte header (RFC 8285 §4.2).
    package let id: UInt8
    /// As the section that holds it says it; `sendrecv` is not written (RFC 8285 §5).
    package let direction: Direction
}

extension HeaderExtension {
    /// Reads `a=extmap:<id>[/<direction>] <URI> …`; of two lines with one id or one URI the first counts.
    static func offered(in attributes: [SessionDescription.Attribute]) -> [HeaderExtension] {
        var extensions: [HeaderExtension] = []
        for attribute in attributes.all("extmap") {
            guard let new = HeaderExtension(parsing: attribute.value),
                !extensions.contains(where: { $0.id == new.id || $0.kind == new.kind })
            else { continue }
            extensions.append(new)
        }
        return extensions
    }

    private init?(parsing value: String) {
        let words = value.words
        guard words.count >= 2 else { return nil }
        let (id, direction) = words[0].halves(at: "/")
        guard let id = id.decimal(UInt8.self), 1...14 ~= id,
            let kind = ExtensionKind.allCases.first(where: { $0.uri == words[1] }),
            let direction = direction.map({ Direction(rawValue: String($0)) }) ?? .sendrecv
        else { return nil }
        self.init(kind: kind, id: id, direction: direction)
    }
}
