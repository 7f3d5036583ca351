internal import SigmaWire

/// A packet of transport-wide feedback.
package struct TransportFeedbackFromServer: Equatable, Sendable {
    /// Counts the packets of feedback.
    package let number: UInt8
    /// The source that it names as sender of the media.
    package let media: UInt32
    package let statuses: [Status]

    package struct Status: Equatable, Sendable {
        package let number: UInt16
        /// On the server's clock, modulo 2²⁴ · 64 ms; `nil`: not received.
        package let arrival: Int64?
    }
}

/// A packet that was sent with a transport-wide number.
package struct SentNumber: Equatable, Sendable {
    package let number: UInt16
    /// On the caller's clock.
    package let at: Int64
}

extension Peer {
    private static var numbersKept: Int { 8192 }

    /// Fills in the next transport-wide number where a packet has room for one.
    func numbered(_ packet: [UInt8]) -> [UInt8] {
        guard let id = source?.transportNumberID,
            let view = try? RTPPacketView(unsafe packet.span.bytes)
        else { return packet }
        var elements = view.headerExtensions
        while let element = elements.next(in: view.bytes) {
            guard element.id == id, element.value.count == 2 else { continue }
            var numbered = packet
            numbered.replace(bigEndian: nextTransportNumber, at: element.value.lowerBound)
            if sentNumbers.count == 2 * Self.numbersKept { sentNumbers.removeFirst(Self.numbersKept) }
            sentNumbers.append(SentNumber(number: nextTransportNumber, at: sendingTime))
            nextTransportNumber &+= 1
            return numbered
        }
        return packet
    }

    /// What the server says about the path to it.
    func noteBandwidth(_ packet: RTCPPacket, _ compound: borrowing RTCPCompoundView) {
        if let estimate = ReceiverEstimatedBitrate(packet, in: compound) {
            events.append(.bitrateEstimated(estimate.bitrate))
        }
        guard let feedback = TransportFeedbackView(packet, in: compound),
            let sources = FeedbackSources(packet, in: compound)
        else { return }
        var read: [TransportFeedbackFromServer.Status] = []
        var statuses = feedback.statuses
        while let status = statuses.next(in: compound) {
            read.append(.init(number: status.number, arrival: status.arrival))
        }
        events.append(
            .transportFeedback(
                .init(number: feedback.number, media: sources.media.rawValue, statuses: read)))
    }
}

extension MediaSource {
    fileprivate var transportNumberID: UInt8? {
        audioStream?.transportNumberID ?? videoStream?.transportNumberID
    }
}
