internal import SigmaCore
internal import SigmaWire

/// Feedback from which a publisher finds out how much its path carries.
///
/// - SeeAlso: draft-holmer-rmcat-transport-wide-cc-extensions-01, draft-alvestrand-rmcat-remb-03
extension Engine {
    /// A packet is told about between 40 and 70 ms after it came: a publisher is looked at every 20 ms.
    private static var feedbackDelay: Interval { .milliseconds(40) }
    /// So many packets do not wait: the log must not overflow.
    private static var feedbackThreshold: Int { Int(ArrivalLog.capacity / 2) }
    /// Packets of feedback in one look; the rest is for the next one.
    private static var feedbackLimit: Int { 4 }

    /// Notes when an authentic packet of a publisher came, whatever is in it: media, retransmission or padding.
    mutating func noteTransportNumber(_ packet: borrowing RTPPacketView, slot: Int, arrival: Instant) {
        guard let bandwidth = runtimes[slot].bandwidth, bandwidth.transportNumberID != 0 else { return }
        var elements = packet.headerExtensions
        while let element = elements.next(in: packet.bytes) {
            guard element.id == bandwidth.transportNumberID, element.value.count == 2 else { continue }
            let number = packet.bytes.bigEndian(UInt16.self, at: element.value.lowerBound)
            bandwidth.arrivals.note(number, arrival: arrival)
            bandwidth.media = packet.ssrc
            if bandwidth.arrivals.unreported == Self.feedbackThreshold { timers.hasten(slot, to: .zero) }
            return
        }
    }

    /// Sends what is due.
    mutating func sendBandwidthFeedback(_ slot: Int, at now: Instant, into batch: inout DatagramBatch) {
        guard let bandwidth = runtimes[slot].bandwidth else { return }
        if let since = bandwidth.arrivals.unreportedSince,
            now - since >= Self.feedbackDelay || bandwidth.arrivals.unreported >= Self.feedbackThreshold
        {
            sendTransportFeedback(slot, bandwidth, into: &batch)
        }
        sendEstimate(slot, bandwidth, at: now, into: &batch)
    }

    private mutating func sendTransportFeedback(
        _ slot: Int, _ bandwidth: BandwidthFeedback, into batch: inout DatagramBatch
    ) {
        let sender = runtimes[slot].reportSSRC
        for _ in 0..<Self.feedbackLimit {
            guard let feedback = bandwidth.arrivals.takeFeedback() else { return }
            let number = bandwidth.number
            bandwidth.number &+= 1
            counters.transportFeedbackSent &+= 1
            sendFeedback(slot, isReducedSize: bandwidth.isReducedSize, into: &batch) { writer, bytes in
                writer.appendTransportFeedback(
                    feedback, from: sender, to: bandwidth.media, number: number, in: &bytes)
            }
        }
    }

    private mutating func sendEstimate(
        _ slot: Int, _ bandwidth: BandwidthFeedback, at now: Instant, into batch: inout DatagramBatch
    ) {
        guard bandwidth.estimate != nil else { return }
        let tracks = rooms[runtimes[slot].room].tracks
        var totals = ReceivedBitrateEstimate.Totals(
            octets: slab[slot].counters.octetsReceived, packets: 0, lost: 0)
        for track in tracks {
            totals.packets &+= Int64(clamping: track.statistics.received)
            totals.lost &+= Int64(track.statistics.cumulativeLost)
        }
        guard let bitrate = bandwidth.estimate?.update(totals, at: now) else { return }
        let sender = runtimes[slot].reportSSRC
        let sources = tracks.compactMap(\.ssrc)
        sendFeedback(slot, isReducedSize: bandwidth.isReducedSize, into: &batch) { writer, bytes in
            writer.appendReceiverEstimatedBitrate(bitrate, from: sender, for: sources, in: &bytes)
        }
    }
}
