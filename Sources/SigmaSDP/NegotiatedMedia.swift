/// One accepted m-section: what is sent and received in it; `MediaLine` of the control protocol.
package struct NegotiatedMedia: Equatable, Sendable {
    /// At most ``Negotiation/maximumMidLength`` octets.
    package let mid: String
    package let codec: Codec
    /// The payload type of the offer for the codec (RFC 3264 §6.1).
    package let payloadType: UInt8
    /// `nil` unless ``Capabilities/rtx`` and the offer has one for the payload type (RFC 4588 §8.6).
    package let rtxPayloadType: UInt8?
    /// How long the offerer keeps a packet, or waits for one, milliseconds (RFC 4588 §8.1, rtx-time); `nil` where it does
    /// not say.
    package let rtxTime: UInt32?
    package let extensions: [HeaderExtension]
    /// The SSRCs of the sender.
    ///
    /// Publisher: those that the offer announces without those of RTX, often none, at most
    /// ``Negotiation/maximumRids``. Viewer: the one we send with, empty until
    /// ``Negotiation/assignSSRCs(using:)``.
    package internal(set) var ssrcs: [UInt32]
    /// `nil` unless RTX was negotiated.
    package internal(set) var rtxSSRC: UInt32?
    /// The rids of a publisher that sends layers, in the order of its `a=simulcast` (RFC 8853 §5.2).
    package var rids: [String] { layers.map(\.rid) }
    /// The messages that the offer has and that we do.
    package let feedback: Feedback
    /// `a=rtcp-rsize` (RFC 5506 §5).
    package let reducedSizeRTCP: Bool
    /// Video: what `a=fmtp` of the answer says; `nil` for audio.
    package let h264Profile: H264Profile?
    /// Video: 0 or 1 (RFC 6184 §6.2); `nil` for audio.
    package let packetizationMode: Int?
    /// The value of `a=fmtp` in the answer behind the payload type; empty for no such line.
    package let formatParameters: String

    let layers: [OfferedLayer]
    let isStereo: Bool

    package var kind: MediaKind { codec.kind }
    /// Hz.
    package var clockRate: UInt32 { codec.clockRate }

    package var nack: Bool { feedback.contains(.nack) }
    package var nackPLI: Bool { feedback.contains(.nackPLI) }
    package var ccmFIR: Bool { feedback.contains(.ccmFIR) }
    package var transportCC: Bool { feedback.contains(.transportCC) }
    package var googREMB: Bool { feedback.contains(.googREMB) }
}
