/// Feedback messages that `a=rtcp-fb` negotiates (RFC 4585 §4.2).
package struct Feedback: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `nack`: asked of a publisher, obeyed for a viewer (RFC 4585 §6.2.1).
    package static let nack = Feedback(rawValue: 1)
    /// `nack pli`: picture loss indication (RFC 4585 §6.3.1).
    package static let nackPLI = Feedback(rawValue: 2)
    /// `ccm fir`: full intra request (RFC 5104 §4.3.1).
    package static let ccmFIR = Feedback(rawValue: 4)
    /// `transport-cc`: transport-wide feedback; of use only together with its header extension.
    package static let transportCC = Feedback(rawValue: 8)
    /// `goog-remb`: receiver estimated maximum bitrate; answered only where `transport-cc` is not.
    package static let googREMB = Feedback(rawValue: 16)

    /// Each message beside the words of `a=rtcp-fb`.
    static let words: [(Feedback, String)] = [
        (.nack, "nack"), (.nackPLI, "nack pli"), (.ccmFIR, "ccm fir"), (.transportCC, "transport-cc"),
        (.googREMB, "goog-remb"),
    ]
}

/// What the media server does with a peer beyond forwarding packets.
///
/// An answer never promises more than this, whatever the offer has: a client that believes in
/// retransmission or in feedback for its bitrate behaves worse without it than one that was told the truth.
package struct Capabilities: Equatable, Sendable {
    package var feedback: Feedback
    /// Retransmission payloads (RFC 4588).
    package var rtx: Bool

    package init(feedback: Feedback, rtx: Bool) {
        self.feedback = feedback
        self.rtx = rtx
    }

    /// What is done towards a publisher.
    package static let publisher = Capabilities(
        feedback: [.nack, .nackPLI, .ccmFIR, .transportCC, .googREMB], rtx: true)
    /// What is done towards a viewer: without feedback on its bandwidth, since every viewer gets the one stream there
    /// is, and what is sent again without RTX has to be what it was, octet for octet (RFC 3711 §9.1).
    package static let viewer = Capabilities(feedback: [.nack, .nackPLI, .ccmFIR], rtx: true)
}
