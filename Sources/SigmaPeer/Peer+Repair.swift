internal import SigmaWire

/// What a peer offers for the repair of its video, and does of it.
package struct RepairSettings: Equatable, Sendable {
    package enum Offered: Equatable, Sendable {
        case nothing
        /// `nack` without RTX: what is sent again is what was sent, octet for octet.
        case nack
        case rtx
    }

    package var offered = Offered.rtx
    /// A publisher says by `ssrc-group:FID` which SSRC its retransmissions have.
    package var announcesRTX = true
    /// A viewer asks for what it misses.
    package var asks = true
    /// A publisher sends again what it is asked for.
    package var answers = true

    package init(_ offered: Offered = .rtx) { self.offered = offered }
}

/// Packets that a datagram of a peer asks for.
package struct LossRequest: Equatable, Sendable {
    package let ssrc: UInt32
    package let numbers: [UInt16]
}

// The viewer's part.
extension Peer {
    /// The stream whose packets come again under `ssrc`, or under this payload type where no SSRC was announced
    /// (RFC 4588 §5.3).
    func repairedLine(by ssrc: UInt32, _ payloadType: UInt8) -> Answer.Media? {
        answer?.media.first { line in
            line.isAccepted && line.rtxPayloadType == payloadType
                && (line.rtxSSRC == nil || line.rtxSSRC == ssrc)
        }
    }

    func receiveRTX(
        _ packet: borrowing RTPPacketView, _ bytes: [UInt8], of line: Answer.Media, at now: Int64
    ) {
        let payload = bytes[packet.payloadRange]
        let media = line.ssrc ?? received.values.first { $0.kind == line.kind && !$0.isGone }?.ssrc
        // Padding alone is a probe.
        guard payload.count > 2, let media else { return }
        let number = UInt16(payload[payload.startIndex]) << 8 | UInt16(payload[payload.startIndex + 1])
        note(
            Received(
                ssrc: media, kind: line.kind, number: number, timestamp: packet.timestamp,
                marker: packet.marker, payload: payload.dropFirst(2), way: .rtx),
            at: now)
    }

    /// Notes for the repair what came, and asks at once for what is due by it.
    func noteForRepair(_ arrival: LossRecovery.Arrival, _ ssrc: UInt32) {
        guard asksForLosses(of: ssrc) else { return }
        recoveries[ssrc, default: LossRecovery()].note(arrival)
        askForLosses(of: ssrc, at: arrival.at)
    }

    private func asksForLosses(of ssrc: UInt32) -> Bool {
        guard configuration.repair.asks, let statistics = received[ssrc] else { return false }
        return answer?.media.contains { $0.isAccepted && $0.kind == statistics.kind && $0.hasNACK } ?? false
    }

    func askForLosses(at now: Int64) {
        for ssrc in recoveries.keys.sorted() { askForLosses(of: ssrc, at: now) }
    }

    private func askForLosses(of ssrc: UInt32, at now: Int64) {
        guard let numbers = recoveries[ssrc]?.takeDue(at: now) else { return }
        received[ssrc]?.repair = recoveries[ssrc]?.counts ?? LossRecovery.Counts()
        if !numbers.isEmpty { requestRetransmission(of: numbers, ssrc) }
    }

    /// Sends a generic NACK (RFC 4585 §6.2.1), whether or not anything is missing.
    package func requestRetransmission(of numbers: [UInt16], _ ssrc: UInt32) {
        var rest = numbers[...]
        while !rest.isEmpty {
            // More than 64 entries are never needed for so many.
            let part = Array(rest.prefix(64))
            rest = rest.dropFirst(64)
            let reporter = SSRC(rawValue: reporterSSRC)
            let count = output.count
            sendRTCP { writer, bytes in
                writer.appendGenericNACK(from: reporter, to: SSRC(rawValue: ssrc), part, in: &bytes)
            }
            if output.count > count {
                output[count].request = LossRequest(ssrc: ssrc, numbers: part)
            }
        }
    }

    var repairDeadline: Int64? { recoveries.values.compactMap(\.deadline).min() }

    /// The plaintext of an SRTP packet that is under way to this peer, of which the peer learns nothing; `nil` when it
    /// is none, or was looked at before.
    package func reveal(_ datagram: [UInt8]) -> [UInt8]? {
        if revealing == nil, let keys = try? dtls?.exportKeys() { revealing = try? SRTPTransform(keys) }
        return try? revealing?.unprotectRTP(datagram)
    }
}

// The publisher's part.
extension Peer {
    /// Begins to keep what is sent of a stream, if the server may ask for it.
    func keepSent(of stream: OutgoingStream?, _ line: Answer.Media?) {
        guard let stream, line?.hasNACK ?? (sentPackets != nil) else { return }
        sentPackets = SentPackets(ssrc: stream.ssrc)
        if let rtxStream {
            self.rtxStream = rtxStream.restarted(random: &random)
        } else if let payloadType = line?.rtxPayloadType {
            let offered = offer.media.first { $0.mid == line?.mid }?.rtxSSRC
            rtxStream = OutgoingStream(
                ssrc: offered ?? UInt32(truncatingIfNeeded: random.next()) | 1, kind: stream.kind,
                payloadType: payloadType, mid: stream.mid,
                transportNumberID: stream.transportNumberID, random: &random)
        }
    }

    /// Keeps a packet that was sent just now.
    func keep(_ plain: [UInt8], _ datagram: [UInt8], at now: Int64) {
        guard sentPackets != nil, let packet = try? RTPPacketView(unsafe plain.span.bytes),
            packet.ssrc.rawValue == sentPackets?.ssrc
        else { return }
        sentPackets?.keep(
            .init(number: packet.sequenceNumber, plain: plain, datagram: datagram, sentAt: now))
    }

    /// A generic NACK of the server.
    func receiveNACK(_ packet: RTCPPacket, _ compound: borrowing RTCPCompoundView, at now: Int64) {
        guard let media = FeedbackSources(packet, in: compound)?.media.rawValue else { return }
        var index = 0
        while let entry = NACKEntry(index, of: packet, in: compound) {
            index += 1
            sendAgain(entry.packetID, of: media, at: now)
            for bit in 0..<UInt16(16) where entry.followingLost >> bit & 1 == 1 {
                sendAgain(entry.packetID &+ bit &+ 1, of: media, at: now)
            }
        }
    }

    private func sendAgain(_ number: UInt16, of media: UInt32, at now: Int64) {
        events.append(.retransmissionRequested(ssrc: media, number: number))
        guard configuration.repair.answers, sentPackets?.ssrc == media, let path = mediaPath,
            let packet = sentPackets?.take(number, roundTrip: roundTrip, at: now)
        else { return }
        guard rtxStream != nil else {
            output.append(Transmission(path: path, bytes: packet.datagram))
            return
        }
        sendingTime = now
        guard let repetition = rtxStream?.repetition(of: packet.plain),
            let datagram = srtp?.protectRTP(numbered(repetition))
        else { return }
        output.append(Transmission(path: path, bytes: datagram))
    }

    /// Nanoseconds, by the server's last report on what we send (RFC 3550 §6.4.1); 0 before one.
    private var roundTrip: Int64 {
        guard let report = reports.last(where: { $0.block.lastSR != 0 }),
            let sent = sentReports.last(where: { $0.middle == report.block.lastSR })
        else { return 0 }
        let held = Int64(report.block.delaySinceLastSR) * 1_000_000_000 / 65_536
        return max(0, report.receivedAt - sent.at - held)
    }
}
