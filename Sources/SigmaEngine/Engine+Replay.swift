internal import SigmaCore
internal import SigmaWire

// A viewer that joins, or resumes, gets the last keyframe and all since, as long as the ring has it.
extension Engine {
    /// A picture for a viewer that has none: of what is kept, or asked of the publisher where that cannot serve.
    mutating func begin(_ slot: Int) {
        let room = runtimes[slot].room
        var isMissing = false
        for index in 0..<runtimes[slot].egressCount where runtimes[slot].egress[index].line.kind == .video {
            guard let place = runtimes[slot].egress[index].track, place < rooms[room].tracks.count else {
                continue
            }
            let track = rooms[room].tracks[place]
            if rooms[room].source != nil, track.ring.nextSerial == 0 {
                // On its way from another shard.
                runtimes[slot].egress[index].mayReplay = true
                continue
            }
            guard let entry = track.entry else {
                isMissing = true
                if track.still != nil { queueStill(slot, index) }
                continue
            }
            runtimes[slot].egress[index].next = entry
            runtimes[slot].egress[index].mayReplay = true
            // Sound waits for the picture's first visit, which says when it is live; not for one that never comes.
            runtimes[slot].liveAt = track.lastArrival + .seconds(1)
            queueFanOut(track, room: room, place: place)
            counters.joinsFromCache &+= 1
            slab[slot].counters.joinsFromCache &+= 1
        }
        if isMissing { wantKeyframes(for: slot) }
    }

    /// A viewer whose pictures are on their way from another shard may begin with what is past.
    mutating func beginWithPast(_ slot: Int) {
        for index in 0..<runtimes[slot].egressCount where runtimes[slot].egress[index].line.kind == .video {
            runtimes[slot].egress[index].mayReplay = true
        }
    }

    /// The egress has started with a keyframe of the past.
    @inline(never)
    mutating func replay(
        _ slot: Int, _ place: Int, _ packet: PacketRing.Packet, _ window: PacketRing.Window, _ track: Track,
        at now: Instant
    ) {
        let last = window[window.end - 1].timestamp
        let newest = Int32(bitPattern: last &- packet.timestamp) > 0 ? last : packet.timestamp
        let base = slab[slot].egress[place].timestampOffset &+ packet.entryTimestamp
        let behind = Int64(newest &- packet.entryTimestamp) * 1000 / Int64(max(1, track.line.clockRate))
        let isLong = behind > Self.longestReplay
        let isStill = isLong && track.requester.isHeard
        let replay = Replay(
            start: packet.entryTimestamp, picture: packet.timestamp, newest: newest, base: base,
            clockRate: track.line.clockRate, entry: track.entry ?? 0, isStill: isStill, at: now)
        runtimes[slot].egress[place].replay = replay
        runtimes[slot].egress[place].replaySince = slab[slot].egress[place].nextIndex
        runtimes[slot].liveAt = isStill ? now : replay.end
        runtimes[slot].egress[place].nextSenderReport = replay.end + .milliseconds(50)
        slab[slot].egress[place].timestampOffset = Replay.liveOffset(newest: newest, base: base)
        // One that has never been asked may answer.
        if isLong, !track.requester.isDeaf {
            track.requester.want()
            askPublisher(of: runtimes[slot].room)
        }
        timers.hasten(slot, to: now + .milliseconds(20))
    }

    /// A keyframe that came this long ago is one of the past: less is what any network delays.
    static var leastReplayed: Interval { .milliseconds(20) }
    /// Milliseconds of media that are made up for rather than that a publisher is asked that answers.
    private static var longestReplay: Int64 { 3000 }

    /// The end of the packets that it is time for; `nil` when there is none.
    @inline(never)
    mutating func endOfDue(
        _ serial: UInt64, _ slot: Int, _ place: Int, _ window: PacketRing.Window, at now: Instant
    ) -> UInt64? {
        guard let replay = runtimes[slot].egress[place].replay else { return serial + 1 }
        if replay.isStill, replay.isBehindPicture(window[serial].timestamp) {
            runtimes[slot].egress[place].hold()
            runtimes[slot].egress[place].next = window.end
            return nil
        }
        var end = serial
        let stream = window[serial].stream
        while end < window.end, window[end].stream == stream, !replay.isLive(window[end].timestamp),
            !replay.isStill || !replay.isBehindPicture(window[end].timestamp),
            replay.isDue(window[end].timestamp, at: now)
        {
            end += 1
        }
        return end > serial ? end : nil
    }

    /// A keyframe that has come meanwhile is nearer to live than what is left of the past.
    ///
    /// - Returns: Whether the viewer begins anew with it.
    @inline(never)
    mutating func jumpToNewerEntry(_ slot: Int, _ place: Int, _ track: Track, at now: Instant) -> Bool {
        guard let replay = runtimes[slot].egress[place].replay, let entry = track.entry, entry > replay.entry
        else {
            return false
        }
        runtimes[slot].egress[place].hold()
        runtimes[slot].egress[place].next = max(entry, runtimes[slot].egress[place].next)
        runtimes[slot].egress[place].mayReplay = true
        runtimes[slot].liveAt = now
        return true
    }

    @inline(never)
    func isLive(_ packet: PacketRing.Packet, _ slot: Int, _ place: Int) -> Bool {
        runtimes[slot].egress[place].replay?.isLive(packet.timestamp) ?? true
    }

    /// Whether what the viewer sees is not live yet.
    func isCatchingUp(_ slot: Int, at now: Instant) -> Bool { now < runtimes[slot].liveAt }

    /// Goes on with what has become due.
    mutating func advanceReplay(_ slot: Int, at now: Instant) {
        let room = runtimes[slot].room
        for index in 0..<runtimes[slot].egressCount {
            guard let replay = runtimes[slot].egress[index].replay,
                let place = runtimes[slot].egress[index].track, place < rooms[room].tracks.count
            else { continue }
            if now - replay.end > Self.replayMemory {
                runtimes[slot].egress[index].replay = nil
                runtimes[slot].egress[index].pendingChange = slab[slot].egress[index].nextIndex
            }
            if now - replay.end < .milliseconds(100) {
                rooms[room].tracks[place].fanOut.settled = 0
                queueFanOut(rooms[room].tracks[place], room: room, place: place)
            }
        }
    }

    /// As long as late packets of the replay may come, and no longer than timestamps are unambiguous.
    static var replayMemory: Interval { .seconds(10) }
}
