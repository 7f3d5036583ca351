internal import SigmaCore
internal import SigmaCrypto
internal import SigmaWire

// What a viewer has lost is sent again, out of the ring that all viewers of a track share.
//
// A lost number leads to its packet by the rule that numbers were made by at the time (`EgressRecord.changes`), so
// that nothing is kept for each viewer. It goes out in a stream of its own where RTX was negotiated, else octet for
// octet as it was: one index is never used for two plaintexts, or under two headers.
extension Engine {
    /// A generic NACK of a viewer (RFC 4585 §6.2.1).
    mutating func receiveNACK(
        _ packet: RTCPPacket, _ compound: borrowing RTCPCompoundView, slot: Int, arrival: Instant
    ) {
        guard let sources = FeedbackSources(packet, in: compound),
            let place = egressIndex(of: slot, ssrc: sources.media),
            runtimes[slot].egress[place].line.feedback.contains(.nack)
        else { return }
        counters.nacksReceived &+= 1
        slab[slot].counters.nacks &+= 1
        var index = 0
        while let entry = NACKEntry(index, of: packet, in: compound) {
            index += 1
            guard request(entry.packetID, place, slot, at: arrival) else { return }
            for bit in 0..<UInt16(16) where entry.followingLost >> bit & 1 == 1 {
                guard request(entry.packetID &+ bit &+ 1, place, slot, at: arrival) else { return }
            }
        }
    }

    /// Puts a packet in line to be sent again, if there is such a one.
    ///
    /// - Returns: `false` when the viewer has asked for too much.
    private mutating func request(_ number: UInt16, _ place: Int, _ slot: Int, at now: Instant) -> Bool {
        guard runtimes[slot].mayLookUpRetransmission(at: now) else {
            counters.retransmissionsRefused &+= 1
            return false
        }
        let index = SequenceNumber.extend(number, near: slab[slot].egress[place].nextIndex)
        guard index < slab[slot].egress[place].nextIndex, let found = find(index, place, slot, at: now),
            isOfUse(found, runtimes[slot].egress[place].line.rtxTime, at: now)
        else { return true }
        let sent = slab[slot].counters.packetsSent &- slab[slot].counters.packetsRetransmitted
        let roundTrip = Interval(nanoseconds: slab[slot].counters.roundTripTime)
        guard runtimes[slot].allowRetransmission(index, place, sent: sent, roundTrip: roundTrip, at: now),
            retransmissions.count < FirstInFirstOut<Retransmission>.limit
        else {
            counters.retransmissionsRefused &+= 1
            return true
        }
        retransmissions.append(Retransmission(handle: handle(slot), place: place, index: index))
        return true
    }

    /// Whether the viewer still waits for a packet, if it has said for how long it does (RFC 4588 §8.1).
    private func isOfUse(_ found: Found, _ rtxTime: UInt16, at now: Instant) -> Bool {
        // When a packet of the past was sent is not known.
        guard rtxTime > 0, !found.isPast else { return true }
        return now - found.window[found.serial].arrival <= .milliseconds(Int64(rtxTime))
    }

    /// A packet in the ring, as this viewer gets it.
    private struct Found {
        var track: Track
        /// It lies in the track's still, not in its ring.
        var still: Still?
        var serial: UInt64
        var timestamp: UInt32
        /// It was sent long after it had come.
        var isPast = false

        var window: PacketRing.Window { unsafe still?.ring.window ?? track.ring.window }
    }

    /// - Returns: `nil` when the index was never sent, or its packet or its timestamp is not known any more.
    private func find(_ index: UInt64, _ place: Int, _ slot: Int, at now: Instant) -> Found? {
        guard let change = slab[slot].egress[place].change(of: index),
            let trackPlace = runtimes[slot].egress[place].track
        else { return nil }
        let tracks = rooms[runtimes[slot].room].tracks
        guard trackPlace < tracks.count else { return nil }
        let track = tracks[trackPlace]
        let source = UInt64(bitPattern: Int64(bitPattern: index) &- change.offset)
        guard let serial = track.ring.serial(of: source, stream: change.stream) else {
            return findInStill(source, change, track)
        }
        guard serial < runtimes[slot].egress[place].next else { return nil }
        let window = unsafe track.ring.window
        let timestamp = window[serial].timestamp
        if change.isReplay {
            // The timestamps of a replay before the last are not known any more.
            guard index >= runtimes[slot].egress[place].replaySince else { return nil }
            if let replay = runtimes[slot].egress[place].replay {
                if !replay.isLive(timestamp) {
                    return Found(
                        track: track, serial: serial, timestamp: replay.timestamp(of: timestamp), isPast: true
                    )
                }
            } else if now - window[serial].arrival > Self.replayMemory {
                // It is forgotten so long after its end that only what came since is known to be live.
                return nil
            }
        }
        return Found(track: track, serial: serial, timestamp: timestamp &+ change.timestampOffset)
    }

    private func findInStill(_ source: UInt64, _ change: EgressRecord.ChangePoint, _ track: Track) -> Found? {
        guard let still = track.still, !change.isReplay,
            let serial = still.ring.serial(of: source, stream: change.stream)
        else { return nil }
        let timestamp = unsafe still.ring.window[serial].timestamp
        return Found(
            track: track, still: still, serial: serial, timestamp: timestamp &+ change.timestampOffset,
            isPast: true)
    }

    /// Sends what was asked for, ahead of what is new: its pictures are shown first.
    mutating func retransmit(at now: Instant, into batch: inout DatagramBatch, upTo end: Int) {
        while batch.count < end, let item = retransmissions.popFirst() {
            let slot = Int(item.handle.slot)
            guard slab.isCurrent(item.handle), let path = mediaPath(of: slot, at: now),
                let found = find(item.index, item.place, slot, at: now)
            else { continue }
            let octets = seal(found, item, slot, on: path, into: &batch)
            guard octets > 0 else { continue }
            counters.packetsResent &+= 1
            slab[slot].counters.packetsRetransmitted &+= 1
            slab[slot].counters.packetsSent &+= 1
            slab[slot].counters.octetsSent &+= UInt64(octets)
        }
    }

    private mutating func seal(
        _ found: Found, _ item: Retransmission, _ slot: Int, on path: Path, into batch: inout DatagramBatch
    ) -> Int {
        let window = found.window
        let hasRTX = runtimes[slot].egress[item.place].line.hasRTX
        let index: UInt64
        if hasRTX {
            index = slab[slot].egress[item.place].nextRTXIndex
            guard index < EgressRecord.indexLimit else { return 0 }
            slab[slot].egress[item.place].nextRTXIndex = index + 1
        } else {
            index = item.index
        }
        switch runtimes[slot].sender {
        case .none: return 0
        case .some(let sender):
            let stream = OutgoingStream(
                runtimes[slot].egress[item.place], slab[slot].egress[item.place], isRTX: hasRTX)
            guard hasRTX else {
                return Self.seal(
                    window[found.serial], found.serial, index, found.timestamp, window, stream, sender,
                    on: path,
                    into: &batch)
            }
            return Self.sealRTX(
                window[found.serial], found.serial, index, original: UInt16(truncatingIfNeeded: item.index),
                found.timestamp, window, stream, sender, on: path, into: &batch)
        }
    }
}
