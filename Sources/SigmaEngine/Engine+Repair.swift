internal import SigmaCore
internal import SigmaWire

// What a publisher's packets have lost on their way here is asked for again, and put where it belongs.
extension Engine {
    /// Packets that one NACK names at most.
    private static var requestLimit: Int { 128 }

    /// Asks for what is due (RFC 4585 §6.2.1).
    mutating func requestRetransmissions(_ slot: Int, at now: Instant, into batch: inout DatagramBatch) {
        for track in rooms[runtimes[slot].room].tracks {
            guard let media = track.ssrc, track.repair != nil else { continue }
            if track.repair?.giveUp(at: now) ?? 0 > 0, track.line.kind == .video {
                // No decoder gets over it.
                track.requester.want()
            }
            guard let numbers = track.repair?.takeDue(at: now, atMost: Self.requestLimit), !numbers.isEmpty
            else {
                continue
            }
            counters.nacksSent &+= 1
            slab[slot].counters.nacks &+= 1
            let sender = runtimes[slot].reportSSRC
            let isReducedSize = track.line.feedback.contains(.reducedSize)
            sendFeedback(slot, isReducedSize: isReducedSize, into: &batch) { writer, bytes in
                writer.appendGenericNACK(from: sender, to: media, numbers, in: &bytes)
            }
        }
    }

    mutating func noteRecovered(_ slot: Int) {
        counters.packetsRecovered &+= 1
        slab[slot].counters.packetsRetransmitted &+= 1
    }

    // MARK: RTX (RFC 4588)

    /// The track whose packets `packet` repeats: told by the announced SSRC, or else, as RFC 4588 §5.3 has it, by the
    /// payload type of a source that is nobody else's.
    func trackRepaired(by packet: borrowing RTPPacketView, room: Int) -> Int? {
        let tracks = rooms[room].tracks
        let payloadType = packet.payloadType
        guard tracks.contains(where: { $0.line.rtxPayloadType == payloadType && payloadType != 0 }) else {
            return nil
        }
        let ssrc = packet.ssrc
        if let announced = tracks.firstIndex(where: { $0.line.hasRTX && $0.line.rtxSSRC == ssrc.rawValue }) {
            return tracks[announced].line.rtxPayloadType == payloadType ? announced : nil
        }
        guard !tracks.contains(where: { $0.ssrc == ssrc }) else { return nil }
        if let named = trackByMID(packet, tracks), tracks[named].line.rtxPayloadType == payloadType {
            return named
        }
        return tracks.firstIndex { $0.line.rtxPayloadType == payloadType }
    }

    /// Puts a packet back together that came as a retransmission (RFC 4588 §4).
    ///
    /// ```
    /// | header: PT, SSRC and number of RTX | OSN | payload |  ──▶  | header: those of the original | payload |
    /// ```
    mutating func receiveRTX(
        _ packet: borrowing RTPPacketView, slot: Int, room: Int, track place: Int, arrival: Instant,
        queued: Instant
    ) {
        let track = rooms[room].tracks[place]
        let payload = packet.payloadRange
        // Padding alone, sent to probe the network, has no number.
        guard payload.count > 2, let ssrc = track.ssrc, track.statistics.isStarted else { return }
        let number = packet.bytes.bigEndian(UInt16.self, at: payload.lowerBound)
        let index = SequenceNumber.extend(number, near: track.statistics.highestIndex)
        guard track.repair?.receiveRetransmission(of: index, at: arrival) ?? false else { return }
        noteRecovered(slot)
        var octets = packet.bytes.array(0..<payload.lowerBound)
        octets += packet.bytes.array((payload.lowerBound + 2)..<payload.upperBound)
        var span = octets.mutableSpan
        var bytes = unsafe span.mutableBytes
        bytes.store(bigEndian: bytes.bytes.octet(at: 0) & ~0x20, at: 0)
        bytes.store(bigEndian: bytes.bytes.octet(at: 1) & 0x80 | track.line.payloadType, at: 1)
        bytes.store(bigEndian: number, at: 2)
        bytes.store(bigEndian: ssrc.rawValue, at: 8)
        guard let original = try? RTPPacketView(bytes.bytes) else { return }
        track.lastArrival = arrival
        store(original, index: index, in: track, slot: slot, arrival: arrival, queued: queued)
        queueFanOut(track, room: room, place: place)
    }
}
