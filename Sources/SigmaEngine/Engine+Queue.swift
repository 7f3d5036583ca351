internal import SigmaCore
internal import SigmaWire

// What a viewer gets next: where it begins, what it is spared when sending does not keep up.
extension Engine {
    /// A packet that has waited for this long means pressure: pictures that no other needs are dropped.
    static var pressureAge: Interval { .milliseconds(100) }
    /// And for this long: all is dropped up to the next keyframe.
    private static var givingUpAge: Interval { .milliseconds(300) }

    /// Lets the viewer's queue begin with a packet that goes out now; what does not is left out.
    ///
    /// ```
    ///  waiting ──entry point──▶ following ──300 ms behind, or overtaken by the ring──▶ waiting
    ///                            │     ▲
    ///             100 ms behind  ▼     │  next picture
    ///                           leaving a picture out
    /// ```
    ///
    /// Audio is never dropped but by the ring, where it is overwritten.
    ///
    /// - Returns: The end of the packets that go whatever their age; `nil` when nothing is left.
    mutating func prepare(
        _ slot: Int, _ place: Int, _ track: Track, _ window: PacketRing.Window, at now: Instant
    ) -> UInt64? {
        if runtimes[slot].egress[place].next < window.start { skipOverwritten(slot, place, track, window) }
        var hasMissed = false
        if track.line.kind == .audio, isCatchingUp(slot, at: now) {
            // It begins anew when the picture is live, with the next number.
            runtimes[slot].egress[place].hold()
            runtimes[slot].egress[place].next = window.end
            return nil
        }
        while runtimes[slot].egress[place].next < window.end {
            let serial = runtimes[slot].egress[place].next
            let packet = window[serial]
            let age = now - packet.arrival
            let isVideo = track.line.kind == .video
            guard runtimes[slot].egress[place].follows(packet.stream) else {
                if isEntryPoint(packet, slot, place) {
                    let mayReplay = runtimes[slot].egress[place].mayReplay
                    if mayReplay || !isVideo || age <= Self.givingUpAge {
                        start(slot, place, packet, serial, window, track, at: now)
                        guard mayReplay, age >= Self.leastReplayed else {
                            if isVideo { runtimes[slot].liveAt = .zero }
                            return serial + 1
                        }
                        replay(slot, place, packet, window, track, at: now)
                        continue
                    }
                    hasMissed = true
                }
                runtimes[slot].egress[place].next += 1
                continue
            }
            guard isVideo else { return serial }
            if runtimes[slot].egress[place].isReplaying, !isLive(packet, slot, place) {
                if jumpToNewerEntry(slot, place, track, at: now) { continue }
                return endOfDue(serial, slot, place, window, at: now)
            }
            // An entry point is sent to its end, though a slice may end in the middle of it: given up half-way it would
            // be begun anew, over and over.
            if serial < runtimes[slot].egress[place].cleared { return runtimes[slot].egress[place].cleared }
            if runtimes[slot].egress[place].isDropping {
                if dropMore(packet, slot, place) { continue }
                if age <= Self.pressureAge { return serial + 1 }
            }
            guard age > Self.pressureAge else { return serial }
            if age > Self.givingUpAge {
                giveUp(slot, place, window, at: now)
                hasMissed = true
            } else if !beginDropping(slot, place, window) {
                return endOfReferences(serial, window)
            }
        }
        if hasMissed { wantKeyframe(track, slot) }
        return nil
    }

    private mutating func wantKeyframe(_ track: Track, _ slot: Int) {
        track.requester.want()
        askPublisher(of: runtimes[slot].room)
    }

    // MARK: Beginning

    /// Whether the viewer's decoder can begin with what `packet` completes.
    private func isEntryPoint(_ packet: PacketRing.Packet, _ slot: Int, _ place: Int) -> Bool {
        switch packet.entryPoint {
        case .none: false
        case .bareKeyframe: runtimes[slot].egress[place].hasParameterSets(for: packet)
        case .whole: true
        }
    }

    /// The viewer's numbers and times go on from what it has seen; its queue begins with the first packet of the
    /// entry point, which may have come before the one that completes it.
    mutating func start(
        _ slot: Int, _ place: Int, _ packet: PacketRing.Packet, _ serial: UInt64, _ window: PacketRing.Window,
        _ track: Track, at now: Instant
    ) {
        let next = slab[slot].egress[place].nextIndex
        let timestamp = firstTimestamp(of: packet, slot, place, track, at: now)
        slab[slot].egress[place].timestampOffset = timestamp &- packet.entryTimestamp
        runtimes[slot].egress[place].indexOffset =
            Int64(bitPattern: next) &- Int64(bitPattern: packet.entryIndex)
        runtimes[slot].egress[place].firstSourceIndex = packet.entryIndex
        runtimes[slot].egress[place].pendingChange = next
        runtimes[slot].egress[place].sourceEnd = packet.entryIndex
        runtimes[slot].egress[place].cleared = serial + 1
        runtimes[slot].egress[place].replay = nil
        runtimes[slot].egress[place].replaySince = .max
        runtimes[slot].egress[place].mayReplay = false
        runtimes[slot].egress[place].follow(packet.stream)
        runtimes[slot].egress[place].next = max(
            window.start, serial - min(serial, UInt64(packet.entryDistance)))
        // Right behind the first packet, so that audio and video are in step from the start.
        runtimes[slot].egress[place].nextSenderReport = now + .milliseconds(50)
        timers.hasten(slot, to: now + .milliseconds(50))
    }

    /// The outgoing timestamp of an entry point: as much later than what was sent before as it is on our timeline, so
    /// that sound and picture move by the same from one publisher to the next; never that of another picture.
    @inline(never)
    private func firstTimestamp(
        of packet: PacketRing.Packet, _ slot: Int, _ place: Int, _ track: Track, at now: Instant
    ) -> UInt32 {
        let last = slab[slot].egress[place].lastTimestamp
        let lastSent = runtimes[slot].egress[place].lastSent
        guard lastSent != .zero else { return last }
        let clockRate = track.line.clockRate
        let elapsed = max(1, (now - lastSent).nanoseconds / 1_000_000 * Int64(clockRate) / 1000)
        let estimate = last &+ UInt32(truncatingIfNeeded: elapsed)
        let stream = runtimes[slot].egress[place].currentStream
        let offset = slab[slot].egress[place].timestampOffset
        let mapped: UInt32
        if stream == packet.stream {
            mapped = packet.entryTimestamp &+ offset
        } else if let previous = track.previous, previous.stream == stream, previous.timeline.isKnown {
            let time = track.timeline.time(of: packet.entryTimestamp, clockRate: clockRate)
            mapped = previous.timeline.timestamp(at: time, clockRate: clockRate) &+ offset
        } else {
            return estimate
        }
        // A clock that jumped is no measure.
        let error = Int32(bitPattern: mapped &- estimate).magnitude
        guard error < clockRate * 5, Int32(bitPattern: mapped &- last) > 0 else { return estimate }
        return mapped
    }

    // MARK: Dropping

    /// The ring has overwritten what came next.
    ///
    /// Audio goes on with the next number; video with the next keyframe.
    private mutating func skipOverwritten(
        _ slot: Int, _ place: Int, _ track: Track, _ window: PacketRing.Window
    ) {
        let lost = window.start - runtimes[slot].egress[place].next
        runtimes[slot].egress[place].next = window.start
        guard runtimes[slot].egress[place].hasStarted, window.start < window.end else { return }
        noteDropped(slot, packets: lost, pictures: 0)
        switch track.line.kind {
        case .audio:
            runtimes[slot].egress[place].closeGap(
                before: window[window.start].index, nextIndex: slab[slot].egress[place].nextIndex)
        case .video:
            runtimes[slot].egress[place].hold()
            wantKeyframe(track, slot)
        }
    }

    /// Drops all that waits, up to the next entry point.
    private mutating func giveUp(
        _ slot: Int, _ place: Int, _ window: PacketRing.Window, at now: Instant
    ) {
        var packets: UInt64 = 0
        var pictures: UInt64 = 0
        var timestamp: UInt32?
        for serial in runtimes[slot].egress[place].next..<window.end {
            let packet = window[serial]
            if isEntryPoint(packet, slot, place), now - packet.arrival <= Self.givingUpAge { break }
            packets += 1
            if packet.timestamp != timestamp { pictures += 1 }
            timestamp = packet.timestamp
        }
        noteDropped(slot, packets: packets, pictures: pictures)
        runtimes[slot].egress[place].hold()
    }

    /// Leaves out the picture that comes next, if nothing of it was sent and no other picture needs it.
    private mutating func beginDropping(_ slot: Int, _ place: Int, _ window: PacketRing.Window) -> Bool {
        let serial = runtimes[slot].egress[place].next
        let first = window[serial]
        let timestamp = first.timestamp &+ slab[slot].egress[place].timestampOffset
        guard Int32(bitPattern: timestamp &- slab[slot].egress[place].lastTimestamp) > 0 else { return false }
        var isDroppable = false
        for serial in serial..<window.end {
            let packet = window[serial]
            guard packet.timestamp == first.timestamp, packet.stream == first.stream else { continue }
            if packet.reference == .some { return false }
            isDroppable = isDroppable || packet.reference == .none
        }
        guard isDroppable else { return false }
        runtimes[slot].egress[place].droppedTimestamp = first.timestamp
        runtimes[slot].egress[place].isDropping = true
        noteDropped(slot, packets: 0, pictures: 1)
        return true
    }

    /// - Returns: `false` for a packet of another picture.
    private mutating func dropMore(_ packet: PacketRing.Packet, _ slot: Int, _ place: Int) -> Bool {
        guard packet.timestamp == runtimes[slot].egress[place].droppedTimestamp else {
            // Nothing of it will come so late.
            if packet.index > runtimes[slot].egress[place].firstSourceIndex &+ Self.reorderingLimit {
                runtimes[slot].egress[place].isDropping = false
            }
            return false
        }
        runtimes[slot].egress[place].closeGap(of: packet.index)
        runtimes[slot].egress[place].next += 1
        noteDropped(slot, packets: 1, pictures: 0)
        return true
    }

    private static var reorderingLimit: UInt64 { 32 }

    private mutating func noteDropped(_ slot: Int, packets: UInt64, pictures: UInt64) {
        counters.packetsDropped &+= packets
        counters.framesDropped &+= pictures
        slab[slot].counters.packetsDropped &+= packets
        slab[slot].counters.framesDropped &+= pictures
    }

    /// Behind the picture at `serial` and those after it that others need.
    private func endOfReferences(_ serial: UInt64, _ window: PacketRing.Window) -> UInt64 {
        let first = window[serial]
        var end = serial + 1
        while end < window.end,
            window[end].timestamp == first.timestamp || window[end].reference == .some,
            window[end].stream == first.stream
        {
            end += 1
        }
        return end
    }
}
