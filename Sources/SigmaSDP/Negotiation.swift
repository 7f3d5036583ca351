/// An offer that was accepted: what the media server is told, and the answer.
///
/// 1. ``init(publisherOffer:capabilities:)`` or ``init(viewerOffer:publisher:capabilities:)`` decides.
/// 2. For a viewer, ``assignSSRCs(using:)``.
/// 3. Media is told ``credentials``, ``fingerprints``, ``dtlsRole`` and ``media``.
/// 4. ``answer(_:)`` is made with what media returned.
package struct Negotiation: Equatable, Sendable {
    package let role: SessionRole
    /// The peer's ufrag and password.
    package let credentials: ICECredentials
    /// All the peer's fingerprints of the strongest hash it offered, never empty.
    package let fingerprints: [Fingerprint]
    package let dtlsRole: DTLSRole
    /// The accepted m-sections in the order of the SDP, never empty; one of a kind at most.
    package private(set) var media: [NegotiatedMedia]

    /// What `a=group:BUNDLE` of the answer lists; empty where the offer has no group.
    let bundle: [String]
    /// Every m-section of the offer in order, with what became of it.
    let sections: [AnsweredSection]
    let allowsMixedExtensions: Bool

    /// Longest mid and rid that the media server keeps, in octets.
    package static let maximumMidLength = 16
    /// Most layers of a publisher.
    package static let maximumRids = 4

    /// - Parameter answered: For each m-section of the offer what was negotiated, `nil` where it is rejected.
    init(
        role: SessionRole, offer: Offer, answered: [NegotiatedMedia?]
    ) throws(NegotiationError) {
        let media = answered.compactMap { $0 }
        guard !media.isEmpty else { throw .noMatchingMedia }
        let sections = Self.sections(of: offer, answered: answered)
        let used = sections.filter { $0.outcome != .rejected }.map(\.offered)
        // Chromium writes it everywhere, others only where the transport is; one of a bundle is enough.
        guard used.contains(where: \.hasRTCPMux) else { throw .noRTCPMux }

        let mids = Set(used.compactMap(\.mid))
        let bundle = offer.bundle.filter(mids.contains)
        let transport = try Self.transport(of: used, bundle: bundle)
        self.role = role
        self.media = media
        self.sections = sections
        self.bundle = bundle
        credentials = transport.credentials
        fingerprints = transport.fingerprints
        dtlsRole = transport.setup == .passive ? .client : .server
        allowsMixedExtensions = offer.allowsMixedExtensions
    }

    /// Says of every m-section what becomes of it.
    ///
    /// One that nobody wants is rejected, but for the first of the bundle: it stays, inactive, to carry the
    /// transport. RFC 9143 §7.3.1 would let the next one carry it, yet Chromium with
    /// `bundlePolicy: "max-bundle"` refuses such an answer and no offer shows its policy.
    private static func sections(of offer: Offer, answered: [NegotiatedMedia?]) -> [AnsweredSection] {
        var next = 0
        return zip(offer.media, answered).map { offered, negotiated in
            if negotiated != nil {
                next += 1
                return AnsweredSection(offered: offered, outcome: .accepted(next - 1))
            }
            let isFirst = offered.mid != nil && offered.mid == offer.bundle.first
            let stays = isFirst && offered.isLive && offered.kind != nil
            return AnsweredSection(offered: offered, outcome: stays ? .inactive : .rejected)
        }
    }

    /// Picks the transport of the bundle: that of its first m-section which is used and has one, since an
    /// `a=bundle-only` section need not (RFC 9143 §7.3).
    private static func transport(
        of used: [OfferedMedia], bundle: [String]
    ) throws(NegotiationError) -> TransportParameters {
        let tagged = bundle.compactMap { mid in used.first { $0.mid == mid } }
        var missing: NegotiationError?
        for section in tagged.isEmpty ? used : tagged {
            switch section.transport {
            case .success(let transport):
                return transport
            case .failure(let error) where error == .missingICECredentials || error == .missingFingerprint:
                missing = missing ?? error
            case .failure(let error):
                throw error
            }
        }
        throw missing ?? .missingICECredentials
    }

    /// Chooses the SSRCs that a viewer is sent with; does nothing for a publisher.
    package mutating func assignSSRCs(using random: inout some RandomNumberGenerator) {
        guard role == .viewer else { return }
        var taken: Set<UInt32> = []
        func next() -> UInt32 {
            while true {
                let ssrc = random.next(upperBound: UInt32.max) + 1
                if taken.insert(ssrc).inserted { return ssrc }
            }
        }
        for index in media.indices {
            media[index].ssrcs = [next()]
            media[index].rtxSSRC = media[index].rtxPayloadType.map { _ in next() }
        }
    }

    /// What a viewer's offer is matched with while this publisher is in the room.
    package var published: PublishedMedia {
        let audio = media.first { $0.codec == .opus }
        let video = media.first { $0.codec == .h264 }
        return PublishedMedia(
            audio: audio.map { PublishedMedia.Audio(isStereo: $0.isStereo) },
            video: video.map { video in
                PublishedMedia.Video(
                    profile: video.h264Profile ?? .absent, packetizationMode: video.packetizationMode ?? 0)
            })
    }
}

/// An offered m-section and what becomes of it.
struct AnsweredSection: Equatable, Sendable {
    enum Outcome: Equatable, Sendable {
        /// Index into ``Negotiation/media``.
        case accepted(Int)
        /// Part of the bundle for its transport only.
        case inactive
        case rejected
    }

    let offered: OfferedMedia
    let outcome: Outcome
}
