package import SigmaCore
internal import SigmaCrypto
package import SigmaWire

extension Engine {
    /// Sends what has come in on to every viewer, until all is done or the batch is full.
    ///
    /// - Returns: Whether something is left: send the batch, empty it, call again.
    package mutating func fanOut(at now: Instant, into batch: inout DatagramBatch) -> Bool {
        while let job = fanOuts.first {
            guard job.track < rooms[job.room].tracks.count else {
                fanOuts.removeFirst()
                continue
            }
            let track = rooms[job.room].tracks[job.track]
            if !track.isFanningOut {
                track.isFanningOut = true
                track.fanOutEnd = track.ring.nextSerial
                track.serialCursor = max(track.fanOutNext, track.ring.oldestSerial)
                if track.line.kind == .video { track.ring.equalise(track.serialCursor..<track.fanOutEnd) }
            }
            if fanOut(track, job.track, room: job.room, now: now, into: &batch) { return true }
            track.fanOutNext = track.fanOutEnd
            track.cursor = 0
            track.serialCursor = 0
            track.isFanningOut = false
            track.isQueued = false
            fanOuts.removeFirst()
        }
        return false
    }

    /// One viewer after the other, all packets of the run for each.
    private mutating func fanOut(
        _ track: Track, _ place: Int, room: Int, now: Instant, into batch: inout DatagramBatch
    ) -> Bool {
        let viewers = rooms[room].viewers
        let first = max(track.fanOutNext, track.ring.oldestSerial)
        while track.cursor < viewers.count {
            let slot = viewers[track.cursor]
            if let egress = egressIndex(of: slot, following: place, at: now) {
                while track.serialCursor < track.fanOutEnd {
                    if batch.isFull { return true }
                    enter(track, slot, egress, at: now)
                    forward(track, track.serialCursor, to: slot, egress, now: now, into: &batch)
                    track.serialCursor += 1
                }
            }
            track.cursor += 1
            track.serialCursor = first
        }
        return false
    }

    /// - Returns: `nil` for a viewer that gets nothing now; consent is looked at here too, since timers may be
    ///   late (RFC 7675 §5.1).
    private func egressIndex(of slot: Int, following track: Int, at now: Instant) -> Int? {
        guard runtimes[slot].sender != nil, !runtimes[slot].isPaused,
            slab[slot].agent.consent(at: now) != .expired
        else { return nil }
        for index in 0..<runtimes[slot].egressCount where runtimes[slot].egress[index].track == track {
            return index
        }
        return nil
    }

    private mutating func forward(
        _ track: Track, _ serial: UInt64, to slot: Int, _ egress: Int, now: Instant,
        into batch: inout DatagramBatch
    ) {
        guard let packet = track.ring.packet(serial), let path = slab[slot].agent.mediaPath,
            runtimes[slot].egress[egress].follows(packet.stream),
            packet.index >= runtimes[slot].egress[egress].firstSourceIndex
        else { return }
        let index = UInt64(
            bitPattern: Int64(bitPattern: packet.index) &+ runtimes[slot].egress[egress].indexOffset)
        // A key's indices end there (RFC 3711 §9.2).
        guard index < EgressRecord.indexLimit else { return }
        let timestamp = packet.timestamp &+ slab[slot].egress[egress].timestampOffset
        // Reserved before it is used, so that no index is ever used twice under one key.
        slab[slot].egress[egress].nextIndex = max(slab[slot].egress[egress].nextIndex, index &+ 1)

        var sent = 0
        let hasRoom = batch.append(on: path) { slotBytes in
            let header = RTPHeader(
                marker: packet.marker, payloadType: slab[slot].egress[egress].payloadType,
                sequenceNumber: UInt16(truncatingIfNeeded: index), timestamp: timestamp,
                ssrc: SSRC(rawValue: slab[slot].egress[egress].ssrc))
            sent = track.ring.withOctets(serial) { octets in
                let headerLength = Self.writeHeader(
                    header, packet, octets, line: runtimes[slot].egress[egress].line, to: &slotBytes)
                let start = Int(packet.payloadStart)
                let end = start + Int(packet.payloadLength) + Int(packet.padding)
                return runtimes[slot].sender?.sealRTP(
                    octets.extracting(start..<end), behind: headerLength,
                    in: &slotBytes, ssrc: header.ssrc.rawValue, index: index) ?? 0
            }
            return sent
        }
        guard hasRoom, sent > 0 else {
            counters.outputDropped &+= 1
            return
        }
        noteSent(slot, egress, packet, timestamp: timestamp, octets: sent, at: now)
    }

    /// Lets a viewer that waits for it begin at an entry point: with its first packet, which may have come
    /// before the one that completes it.
    private mutating func enter(_ track: Track, _ slot: Int, _ egress: Int, at now: Instant) {
        guard let packet = track.ring.packet(track.serialCursor),
            !runtimes[slot].egress[egress].follows(packet.stream)
        else { return }
        let outgoing = runtimes[slot].egress[egress]
        switch packet.entryPoint {
        case .none: return
        case .bareKeyframe: guard outgoing.hasParameterSets(for: packet) else { return }
        case .whole: break
        }
        let first = max(track.serialCursor - UInt64(packet.entryDistance), track.ring.oldestSerial)
        start(slot, egress, packet, clockRate: track.line.clockRate, at: now)
        track.serialCursor = first
    }

    /// The viewer's numbers and times go on from what it has seen.
    private mutating func start(
        _ slot: Int, _ egress: Int, _ packet: PacketRing.Packet, clockRate: UInt32, at now: Instant
    ) {
        let next = slab[slot].egress[egress].nextIndex
        let last = runtimes[slot].egress[egress].lastSent
        var elapsed: Int64 = 0
        if last != .zero {
            elapsed = max(1, (now - last).nanoseconds / 1_000_000 * Int64(clockRate) / 1000)
        }
        let timestamp = slab[slot].egress[egress].lastTimestamp &+ UInt32(truncatingIfNeeded: elapsed)
        slab[slot].egress[egress].timestampOffset = timestamp &- packet.entryTimestamp
        runtimes[slot].egress[egress].indexOffset =
            Int64(bitPattern: next) &- Int64(bitPattern: packet.entryIndex)
        runtimes[slot].egress[egress].firstSourceIndex = packet.entryIndex
        runtimes[slot].egress[egress].follow(packet.stream)
        // Right behind the first packet, so that audio and video are in step from the start.
        runtimes[slot].egress[egress].nextSenderReport = now + .milliseconds(50)
        timers.hasten(slot, to: now + .milliseconds(50))
    }

    private mutating func noteSent(
        _ slot: Int, _ egress: Int, _ packet: PacketRing.Packet, timestamp: UInt32, octets: Int,
        at now: Instant
    ) {
        // A late packet sets nothing back.
        if Int32(bitPattern: timestamp &- slab[slot].egress[egress].lastTimestamp) >= 0 {
            slab[slot].egress[egress].lastTimestamp = timestamp
            runtimes[slot].egress[egress].lastSent = now
        }
        if packet.carriesParameterSets {
            runtimes[slot].egress[egress].parameterSets = packet.parameterSets
        }
        slab[slot].egress[egress].packets &+= 1
        slab[slot].egress[egress].octets &+= UInt64(packet.payloadLength)
        slab[slot].counters.packetsSent &+= 1
        slab[slot].counters.octetsSent &+= UInt64(octets)
        counters.rtpForwarded &+= 1
    }

    /// Writes the header as this viewer negotiated it: its payload type, SSRC, numbers and extension ids.
    ///
    /// - Returns: Octets, extensions included.
    private static func writeHeader(
        _ header: RTPHeader, _ packet: PacketRing.Packet, _ octets: RawSpan, line: MediaLineRecord,
        to bytes: inout MutableRawSpan
    ) -> Int {
        var writer = RTPExtensionWriter()
        writer.append(id: line.extensionID(.mid), count: Int(line.mid.count), to: &bytes) { line.mid[$0] }
        for index in 0..<Int(packet.extensionCount) {
            let carried = packet.extensions[index]
            let start = Int(carried.start)
            writer.append(
                id: line.extensionID(carried.kind), octets.extracting(start..<(start + Int(carried.length))),
                to: &bytes)
        }
        let length = writer.finish(in: &bytes)
        header.write(
            to: &bytes, hasExtension: length > RTP.fixedHeaderLength, hasPadding: packet.padding > 0)
        return length
    }

    /// A viewer has joined, resumed or lost the picture: the publisher is asked at the next chance.
    mutating func wantKeyframes(for slot: Int) {
        let room = runtimes[slot].room
        for index in 0..<runtimes[slot].egressCount {
            guard let place = runtimes[slot].egress[index].track,
                runtimes[slot].egress[index].line.kind == .video,
                place < rooms[room].tracks.count
            else { continue }
            rooms[room].tracks[place].requester.want()
        }
        if let publisher = rooms[room].publisher { timers.hasten(publisher, to: .zero) }
        if let shard = rooms[room].source, let publication = rooms[room].publication,
            !keyframeWishes.contains(where: { $0.publication == publication })
        {
            keyframeWishes.append((shard: shard, publication: publication))
        }
    }
}
