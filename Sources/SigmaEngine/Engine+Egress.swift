package import SigmaCore
internal import SigmaCrypto
package import SigmaWire

extension Engine {
    /// Does one slice of the fan-out: sends what has come in on to viewers.
    ///
    /// A viewer that is visited gets all that the ring has for it, as one run. Nobody waits for more; but what has
    /// come in by the next slice goes along to who was not visited yet, and the others are visited again.
    ///
    /// What was lost goes first.
    ///
    /// - Parameter limit: Datagrams; at most as many as the batch has room for.
    /// - Returns: Whether something is left: send the batch, empty it, take what has come in, call again.
    package mutating func fanOut(
        at now: Instant, into batch: inout DatagramBatch, atMost limit: Int = .max
    ) -> Bool {
        let end = batch.count + min(limit, batch.capacity - batch.count)
        retransmit(at: now, into: &batch, upTo: end)
        showStills(at: now, into: &batch, upTo: end)
        while batch.count < end, let job = fanOuts.popFirst() {
            guard job.track < rooms[job.room].tracks.count else { continue }
            let track = rooms[job.room].tracks[job.track]
            if walk(track, job, at: now, into: &batch, upTo: end) {
                track.fanOut.isQueued = false
            } else {
                fanOuts.append(job, track.line.kind)
            }
        }
        fanOuts.endSlice()
        return !fanOuts.isEmpty || !retransmissions.isEmpty || !stills.isEmpty
    }

    /// Puts a track in line that has a new packet.
    mutating func queueFanOut(_ track: Track, room: Int, place: Int) {
        guard !track.fanOut.isQueued else { return }
        track.fanOut.isQueued = true
        fanOuts.append(FanOutJob(room: room, track: place), track.line.kind)
    }

    /// One viewer after the other, all packets for each.
    ///
    /// - Returns: Whether all viewers have all.
    private mutating func walk(
        _ track: Track, _ job: FanOutJob, at now: Instant, into batch: inout DatagramBatch, upTo end: Int
    ) -> Bool {
        if track.line.kind == .video { track.ring.equalise() }
        let window = unsafe track.ring.window
        let viewers = rooms[job.room].viewers
        var walk = track.fanOut
        if walk.end != window.end {
            walk.end = window.end
            walk.settled = 0
        }
        while walk.settled < viewers.count, batch.count < end {
            if walk.cursor >= viewers.count { walk.cursor = 0 }
            guard visit(viewers[walk.cursor], track, job.track, window, at: now, into: &batch, upTo: end)
            else { break }
            walk.cursor += 1
            walk.settled += 1
        }
        let isDone = walk.settled >= viewers.count
        // Not always the same one is first.
        if isDone { walk.cursor += 1 }
        track.fanOut = walk
        return isDone
    }

    /// - Returns: Whether the viewer has all, or gets nothing now.
    private mutating func visit(
        _ slot: Int, _ track: Track, _ place: Int, _ window: PacketRing.Window, at now: Instant,
        into batch: inout DatagramBatch, upTo end: Int
    ) -> Bool {
        guard let egress = egressIndex(of: slot, following: place),
            runtimes[slot].egress[egress].next != window.end, !runtimes[slot].egress[egress].isShowingStill
        else { return true }
        guard let path = mediaPath(of: slot, at: now) else {
            runtimes[slot].egress[egress].next = window.end
            return true
        }
        let staleBefore = Instant(
            nanoseconds: track.line.kind == .video
                ? now.nanoseconds &- Self.pressureAge.nanoseconds : .min)
        while let clearedEnd = prepare(slot, egress, track, window, at: now) {
            guard batch.count < end else { return false }
            Self.forward(
                &runtimes[slot], &slab[slot], egress, window, clearedEnd: clearedEnd,
                staleBefore: staleBefore, on: path, at: now, into: &batch, upTo: end, &counters)
        }
        return true
    }

    private func egressIndex(of slot: Int, following track: Int) -> Int? {
        for index in 0..<runtimes[slot].egressCount where runtimes[slot].egress[index].track == track {
            return index
        }
        return nil
    }

    /// - Returns: `nil` for a viewer that gets nothing now; consent is looked at here too, since timers may be
    ///   late (RFC 7675 §5.1).
    func mediaPath(of slot: Int, at now: Instant) -> Path? {
        guard runtimes[slot].isSecured, !runtimes[slot].isPaused else { return nil }
        return slab.mediaPath(of: slot, at: now)
    }

    /// Sends a viewer its next packets, up to the first that has to be looked at again, or as many as there is
    /// room for.
    ///
    /// - Parameters:
    ///   - clearedEnd: Packets before this serial go whatever their age.
    ///   - end: The batch is full with so many datagrams.
    static func forward(
        _ viewer: inout SessionRuntime, _ record: inout SessionRecord, _ place: Int,
        _ window: PacketRing.Window, clearedEnd: UInt64, staleBefore: Instant, on path: Path, at now: Instant,
        into batch: inout DatagramBatch, upTo end: Int, _ counters: inout EngineCounters
    ) {
        switch viewer.sender {
        case .none: return
        case .some(let sender):
            let stream = OutgoingStream(viewer.egress[place], record.egress[place])
            var sent = Sent()
            var serial = viewer.egress[place].next
            while serial < window.end, batch.count < end {
                let packet = window[serial]
                guard viewer.egress[place].follows(packet.stream),
                    serial < clearedEnd
                        || packet.arrival.nanoseconds >= staleBefore.nanoseconds
                            && !viewer.egress[place].isDropping
                else { break }
                let index = viewer.egress[place].outgoingIndex(of: packet.index)
                if packet.index >= viewer.egress[place].firstSourceIndex, index < stream.indexLimit {
                    // Reserved before it is used, so that no index is ever used twice under one key.
                    record.egress[place].nextIndex = max(record.egress[place].nextIndex, index &+ 1)
                    let timestamp = stream.timestamp(of: packet.timestamp)
                    let octets = seal(
                        packet, serial, index, timestamp, window, stream, sender, on: path, into: &batch)
                    if octets > 0 {
                        sent.note(packet, octets)
                        note(packet, timestamp, &viewer.egress[place], &record.egress[place], at: now)
                    } else {
                        counters.outputDropped &+= 1
                    }
                }
                serial += 1
            }
            viewer.egress[place].next = serial
            if viewer.egress[place].pendingChange != 0, sent.packets > 0 {
                noteChange(&viewer.egress[place], &record.egress[place])
            }
            record.egress[place].packets &+= sent.packets
            record.egress[place].octets &+= sent.payloadOctets
            record.counters.packetsSent &+= sent.packets
            record.counters.octetsSent &+= sent.octets
            counters.rtpForwarded &+= sent.packets
        }
    }

    /// Notes by which rule the indices of a stream are made now, for when one is asked for again.
    @inline(never)
    private static func noteChange(_ egress: inout EgressRuntime, _ record: inout EgressRecord) {
        var change = EgressRecord.ChangePoint()
        change.firstIndex = egress.pendingChange
        change.offset = egress.indexOffset
        change.stream = egress.currentStream
        change.timestampOffset = record.timestampOffset
        change.isReplay = egress.isReplaying
        record.note(change)
        egress.pendingChange = 0
    }

    /// What a run adds to the counters.
    private struct Sent {
        var packets: UInt64 = 0
        var payloadOctets: UInt64 = 0
        var octets: UInt64 = 0

        @inline(__always)
        mutating func note(_ packet: PacketRing.Packet, _ octets: Int) {
            packets &+= 1
            payloadOctets &+= UInt64(packet.payloadLength)
            self.octets &+= UInt64(octets)
        }
    }

    /// What is the same for all packets of a run, out of records that are too long to be handed round.
    struct OutgoingStream {
        let header: RTPHeaderTemplate
        let extensionIDs: InlineArray<11, UInt8>
        let ssrc: UInt32
        private let timestampOffset: UInt32
        private let replay: Replay?
        /// A key's indices end there (RFC 3711 §9.2).
        let indexLimit: UInt64

        @inline(__always)
        init(_ egress: borrowing EgressRuntime, _ record: borrowing EgressRecord, isRTX: Bool = false) {
            header = isRTX ? egress.rtxHeader : egress.header
            extensionIDs = egress.line.extensionIDs
            ssrc = isRTX ? egress.line.rtxSSRC : record.ssrc
            timestampOffset = record.timestampOffset
            replay = egress.replay
            indexLimit = EgressRecord.indexLimit
        }

        @inline(__always)
        func timestamp(of source: UInt32) -> UInt32 {
            if let replay, !replay.isLive(source) { return replay.timestamp(of: source) }
            return source &+ timestampOffset
        }
    }

    /// Writes a packet into the batch with the header this viewer negotiated: its payload type, SSRC, numbers and
    /// extension ids.
    ///
    /// - Returns: Octets.
    @inline(__always)
    static func seal(
        _ packet: PacketRing.Packet, _ serial: UInt64, _ index: UInt64, _ timestamp: UInt32,
        _ window: PacketRing.Window, _ stream: OutgoingStream, _ sender: borrowing SRTPSender, on path: Path,
        into batch: inout DatagramBatch
    ) -> Int {
        var bytes = batch.nextSlot
        let headerLength = writeHeader(
            of: packet, serial, index, timestamp, hasPadding: packet.padding > 0, window, stream, to: &bytes)
        let octets = sender.sealRTP(
            window.payload(serial), behind: headerLength, in: &bytes, ssrc: stream.ssrc, index: index)
        batch.take(octets, on: path)
        return octets
    }

    /// The same for a packet of the retransmission stream, whose payload begins with the number that the packet
    /// had, and has no padding (RFC 4588 §4).
    ///
    /// - Returns: Octets; 0 when it does not fit.
    static func sealRTX(
        _ packet: PacketRing.Packet, _ serial: UInt64, _ index: UInt64, original number: UInt16,
        _ timestamp: UInt32, _ window: PacketRing.Window, _ stream: OutgoingStream,
        _ sender: borrowing SRTPSender, on path: Path, into batch: inout DatagramBatch
    ) -> Int {
        let count = Int(packet.payloadLength)
        var octets = InlineArray<1536, UInt8>(repeating: 0)
        guard count + 2 <= octets.count else { return 0 }
        var elements = octets.mutableSpan
        var payload = unsafe elements.mutableBytes
        payload.store(bigEndian: number, at: 0)
        payload.copy(window.octets(serial, start: Int(packet.payloadStart), count: count), to: 2)
        var bytes = batch.nextSlot
        let headerLength = writeHeader(
            of: packet, serial, index, timestamp, hasPadding: false, window, stream, to: &bytes)
        let length = sender.sealRTP(
            payload.bytes.extracting(0..<(count + 2)), behind: headerLength, in: &bytes, ssrc: stream.ssrc,
            index: index)
        batch.take(length, on: path)
        return length
    }

    /// - Returns: Where the payload begins.
    @inline(__always) @_lifetime(bytes: copy bytes)
    private static func writeHeader(
        of packet: PacketRing.Packet, _ serial: UInt64, _ index: UInt64, _ timestamp: UInt32,
        hasPadding: Bool,
        _ window: PacketRing.Window, _ stream: OutgoingStream, to bytes: inout MutableRawSpan
    ) -> Int {
        var headerLength = stream.header.write(
            RTPHeaderTemplate.Fields(
                marker: packet.marker, hasPadding: hasPadding,
                sequenceNumber: UInt16(truncatingIfNeeded: index),
                timestamp: timestamp),
            to: &bytes)
        if packet.extensionCount > 0 {
            var writer = stream.header.extensionWriter
            for place in 0..<Int(packet.extensionCount) {
                let carried = packet.extensions[place]
                writer.append(
                    id: stream.extensionIDs[Int(carried.kind.rawValue)],
                    window.octets(serial, start: Int(carried.start), count: Int(carried.length)), to: &bytes)
            }
            headerLength = stream.header.finish(writer, in: &bytes)
        }
        return headerLength
    }

    @inline(__always)
    private static func note(
        _ packet: PacketRing.Packet, _ timestamp: UInt32, _ egress: inout EgressRuntime,
        _ record: inout EgressRecord, at now: Instant
    ) {
        // A late packet sets nothing back.
        if Int32(bitPattern: timestamp &- record.lastTimestamp) >= 0 {
            record.lastTimestamp = timestamp
            egress.lastSent = now
        }
        egress.sourceEnd = max(egress.sourceEnd, packet.index &+ 1)
        if packet.carriesParameterSets { egress.parameterSets = packet.parameterSets }
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
        askPublisher(of: room)
    }

    /// The wish for a keyframe is seen to at once, or told to the shard of the publisher.
    mutating func askPublisher(of room: Int) {
        if let publisher = rooms[room].publisher { timers.hasten(publisher, to: .zero) }
        if let shard = rooms[room].source, let publication = rooms[room].publication,
            !keyframeWishes.contains(where: { $0.publication == publication })
        {
            keyframeWishes.append((shard: shard, publication: publication))
        }
    }
}
