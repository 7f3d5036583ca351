/// An m-section of an offer, interpreted.
package struct OfferedMedia: Equatable, Sendable {
    /// As in the `m=`.
    package let media: String
    /// `nil` for what is not RTP media, such as a data channel.
    package let kind: MediaKind?
    /// Not disabled: it has a port, or is `a=bundle-only` (RFC 9143 §6).
    package let isLive: Bool
    package let transportProtocol: String
    /// As in the `m=`, at least one.
    package let formats: [String]
    package let mid: String?
    package let direction: Direction
    package let transport: Result<TransportParameters, NegotiationError>
    /// In order of the peer's preference.
    package let payloadFormats: [PayloadFormat]
    /// Those that we know, with ids of the one-byte header.
    package let extensions: [HeaderExtension]
    /// What `a=simulcast:send` lists, empty without it.
    package let layers: [OfferedLayer]
    package let sources: OfferedSources
    /// `a=rtcp-mux` or `a=rtcp-mux-only` (RFC 5761 §5.1.1, RFC 8858 §3).
    package let hasRTCPMux: Bool
    package let reducedSizeRTCP: Bool
    /// `a=extmap-allow-mixed` at the media level (RFC 8285 §6).
    package let allowsMixedExtensions: Bool

    init(
        _ section: SessionDescription.Media, session: [SessionDescription.Attribute]
    ) throws(NegotiationError) {
        let attributes = section.attributes
        media = section.media
        kind = MediaKind(rawValue: section.media)
        isLive = section.port != 0 || attributes.has("bundle-only")
        transportProtocol = section.transportProtocol
        formats = section.formats
        mid = try Self.mid(attributes)
        direction = Self.direction(attributes) ?? Self.direction(session) ?? .sendrecv
        transport = Result { () throws(NegotiationError) in
            try TransportParameters(attributes, session: session)
        }
        payloadFormats = PayloadFormat.formats(of: section)
        extensions = HeaderExtension.offered(in: attributes)
        layers = OfferedLayer.sent(in: attributes)
        sources = OfferedSources(attributes)
        hasRTCPMux = attributes.has("rtcp-mux") || attributes.has("rtcp-mux-only")
        reducedSizeRTCP = attributes.has("rtcp-rsize")
        allowsMixedExtensions = attributes.has("extmap-allow-mixed")
    }

    /// A mid is a token of any kind; it is repeated in the answer, so anything else is refused.
    private static func mid(
        _ attributes: [SessionDescription.Attribute]
    ) throws(NegotiationError) -> String? {
        guard let attribute = attributes.first("mid") else { return nil }
        guard attribute.value.isToken else { throw .malformedAttribute(line: attribute.line) }
        return attribute.value
    }

    private static func direction(_ attributes: [SessionDescription.Attribute]) -> Direction? {
        for attribute in attributes {
            if let direction = Direction(rawValue: attribute.name) { return direction }
        }
        return nil
    }
}

/// The SSRCs and tracks that an m-section announces; simulcast and some clients announce none.
package struct OfferedSources: Equatable, Sendable {
    /// Without those of RTX and FEC, in order, at most ``Negotiation/maximumRids``.
    package let ssrcs: [UInt32]
    /// The retransmission SSRC of the first of ``ssrcs`` (RFC 4588 §8.8).
    package let rtxSSRC: UInt32?
    /// The ids of the MediaStreams (RFC 8830 §2), without `-`, which stands for none.
    package let streams: Set<String>
    /// The ids of the tracks.
    package let tracks: Set<String>

    init(_ attributes: [SessionDescription.Attribute]) {
        var order: [UInt32] = []
        var known: Set<UInt32> = []
        var repair: [UInt32: UInt32] = [:]
        var repairing: Set<UInt32> = []
        func add(_ ssrc: UInt32) {
            if ssrc != 0, known.insert(ssrc).inserted { order.append(ssrc) }
        }
        for attribute in attributes {
            let words = attribute.value.words
            if attribute.name == "ssrc", let ssrc = words.first?.decimal(UInt32.self) {
                add(ssrc)
            } else if attribute.name == "ssrc-group", words.count == 3,
                words[0] == "FID" || words[0] == "FEC-FR",
                let source = words[1].decimal(UInt32.self), let other = words[2].decimal(UInt32.self)
            {
                add(source)
                repairing.insert(other)
                if words[0] == "FID", repair[source] == nil { repair[source] = other }
            }
        }
        ssrcs = Array(order.filter { !repairing.contains($0) }.prefix(Negotiation.maximumRids))
        rtxSSRC = ssrcs.first.flatMap { repair[$0] }
        (streams, tracks) = Self.streamsAndTracks(attributes)
    }

    /// Reads `a=msid`, and where there is none the `msid` of `a=ssrc`, its older form.
    private static func streamsAndTracks(
        _ attributes: [SessionDescription.Attribute]
    ) -> (streams: Set<String>, tracks: Set<String>) {
        var lists = attributes.all("msid").map(\.value.words)
        if lists.isEmpty {
            lists = attributes.all("ssrc").compactMap { attribute in
                let words = attribute.value.words
                guard words.count > 1, words[1].hasPrefix("msid:") else { return nil }
                return [words[1].dropFirst(5)] + words[2...]
            }
        }
        let streams = lists.compactMap(\.first).map(String.init).filter { $0 != "-" && !$0.isEmpty }
        let tracks = lists.filter { $0.count > 1 }.map { String($0[1]) }
        return (Set(streams), Set(tracks))
    }
}
