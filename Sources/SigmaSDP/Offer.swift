/// What a session description offers, read with media-level lines before session-level ones.
///
/// Only what is wrong with the offer as a whole is an error here. What is wrong with the transport of one
/// m-section is kept with it and becomes an error when the section is accepted.
package struct Offer: Equatable, Sendable {
    /// In the order of the SDP, never empty.
    package let media: [OfferedMedia]
    /// The mids of the first `a=group:BUNDLE`, empty without one (RFC 9143 §7.2).
    package let bundle: [String]
    /// `a=extmap-allow-mixed` at the session level (RFC 8285 §6).
    package let allowsMixedExtensions: Bool

    /// - Throws: ``NegotiationError`` for an offer that no role can accept.
    package init(_ description: SessionDescription) throws(NegotiationError) {
        var media: [OfferedMedia] = []
        var mids: Set<String> = []
        for section in description.media {
            let offered = try OfferedMedia(section, session: description.attributes)
            if let mid = offered.mid, !mids.insert(mid).inserted { throw .duplicateMid(mid) }
            media.append(offered)
        }
        guard media.contains(where: \.isLive) else { throw .noMedia }
        guard !description.attributes.has("ice-lite") else { throw .icePeerIsLite }
        self.media = media
        bundle = Self.bundle(description.attributes, mids: mids)
        allowsMixedExtensions = description.attributes.has("extmap-allow-mixed")
    }

    private static func bundle(
        _ attributes: [SessionDescription.Attribute], mids: Set<String>
    ) -> [String] {
        for attribute in attributes.all("group") {
            let words = attribute.value.words
            guard words.first == "BUNDLE" else { continue }
            var left = mids
            return words.dropFirst().map(String.init).filter { left.remove($0) != nil }
        }
        return []
    }
}
