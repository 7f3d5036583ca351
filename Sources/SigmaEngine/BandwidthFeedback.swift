internal import SigmaCore
internal import SigmaWire

/// What a publisher is told about its path, as it was negotiated.
final class BandwidthFeedback {
    /// Of the header extension with the transport-wide number; 0 where it is not told of each packet.
    let transportNumberID: UInt8
    /// What is not part of a compound may go alone (RFC 5506).
    let isReducedSize: Bool
    var arrivals = ArrivalLog()
    /// Of the packet that was noted last.
    var media = SSRC(rawValue: 0)
    /// Packets sent.
    var number: UInt8 = 0
    /// Where REMB was negotiated, but not the feedback on each packet.
    var estimate: ReceivedBitrateEstimate?

    /// `nil` for a session that negotiated none.
    init?(_ request: SessionRequest) {
        guard request.role == .publisher else { return nil }
        // One id has one meaning in the whole bundle (RFC 9143 §8.1).
        let numbered = request.media.first(where: \.hasTransportFeedback)
        let wantsEstimate = request.media.contains { line in
            line.feedback.contains(.googREMB) && !line.hasTransportFeedback
        }
        guard numbered != nil || wantsEstimate else { return nil }
        transportNumberID = numbered?.extensionID(.transportCC) ?? 0
        isReducedSize = request.media.allSatisfy { $0.feedback.contains(.reducedSize) }
        estimate = wantsEstimate ? ReceivedBitrateEstimate() : nil
    }
}

extension MediaLineRecord {
    /// Both halves of it: the number in the packets, and what is said about them.
    fileprivate var hasTransportFeedback: Bool {
        feedback.contains(.transportCC) && extensionID(.transportCC) != 0
    }
}
