extension Negotiation {
    /// Accepts what a publisher offers, whole or not at all (RFC 9725 §4.4.3).
    ///
    /// At most one audio and one video section, Opus and H.264, both sent to us; either may be absent.
    ///
    /// - Throws: ``NegotiationError``.
    package init(
        publisherOffer offer: Offer, capabilities: Capabilities = .publisher
    ) throws(NegotiationError) {
        var negotiator = MediaNegotiator(role: .publisher, offer: offer, capabilities: capabilities)
        var kinds: Set<MediaKind> = []
        var streams: Set<String> = []
        var answered: [NegotiatedMedia?] = []
        for section in offer.media {
            // The publisher disabled it itself (RFC 3264 §6).
            guard section.isLive else {
                answered.append(nil)
                continue
            }
            guard let kind = section.kind else { throw .unsupportedMedia(section.media) }
            guard section.direction.sends else {
                throw .direction(section.direction, mid: section.mid ?? "", role: .publisher)
            }
            guard kinds.insert(kind).inserted, section.sources.tracks.count <= 1 else {
                throw .tooManyTracks(kind)
            }
            streams.formUnion(section.sources.streams)
            answered.append(
                kind == .audio
                    ? try negotiator.audio(section, published: nil)
                    : try negotiator.publishedVideo(section))
        }
        guard streams.count <= 1 else { throw .tooManyStreams }
        try self.init(role: .publisher, offer: offer, answered: answered)
    }

    /// Accepts of a viewer's offer what the room has and rejects the other m-sections.
    ///
    /// Rejected are data channels, kinds that the publisher does not send and every second section of a
    /// kind. A section that we could send in but for its codecs fails the whole: a picture that stays black
    /// is worse than an error that says why.
    ///
    /// - Parameter publisher: What the room's publisher negotiated, ``published``.
    /// - Throws: ``NegotiationError``.
    package init(
        viewerOffer offer: Offer, publisher: PublishedMedia, capabilities: Capabilities = .viewer
    ) throws(NegotiationError) {
        var negotiator = MediaNegotiator(role: .viewer, offer: offer, capabilities: capabilities)
        var kinds: Set<MediaKind> = []
        var answered: [NegotiatedMedia?] = []
        for section in offer.media {
            guard section.isLive, let kind = section.kind else {
                answered.append(nil)
                continue
            }
            guard section.direction.receives else {
                throw .direction(section.direction, mid: section.mid ?? "", role: .viewer)
            }
            let isFirst = kinds.insert(kind).inserted
            switch (kind, publisher.audio, publisher.video) {
            case (.audio, let audio?, _) where isFirst:
                answered.append(try negotiator.audio(section, published: audio))
            case (.video, _, let video?) where isFirst:
                answered.append(try negotiator.viewedVideo(section, published: video))
            case (.audio, _, _), (.video, _, _):
                answered.append(nil)
            }
        }
        try self.init(role: .viewer, offer: offer, answered: answered)
    }
}
