internal import SigmaCore
internal import SigmaCrypto
internal import SigmaWire

// Who joins past the bound of what is kept sees the last keyframe, and then nothing until the next one.
extension Engine {
    /// Puts a viewer in line for the still of the track that it follows.
    mutating func queueStill(_ slot: Int, _ place: Int) {
        guard !runtimes[slot].egress[place].isShowingStill else { return }
        runtimes[slot].egress[place].isShowingStill = true
        stills.append(StillJob(handle: handle(slot), place: place))
    }

    /// Sends stills, one after the other.
    mutating func showStills(at now: Instant, into batch: inout DatagramBatch, upTo end: Int) {
        while batch.count < end, let job = stills.first {
            guard let track = stillTrack(of: job), let still = track.still,
                let path = mediaPath(of: Int(job.handle.slot), at: now)
            else {
                stills.removeFirst()
                leaveStill(job)
                continue
            }
            let slot = Int(job.handle.slot)
            let window = unsafe still.ring.window
            // It may have been held meanwhile, by a pause and its end.
            if !job.hasBegun || !runtimes[slot].egress[job.place].follows(still.stream) {
                stills[0].hasBegun = true
                start(slot, job.place, window[still.entry], still.entry, window, track, at: now)
                runtimes[slot].egress[job.place].next = 0
            }
            Self.forward(
                &runtimes[slot], &slab[slot], job.place, window, clearedEnd: window.end,
                staleBefore: Instant(nanoseconds: .min), on: path, at: now, into: &batch, upTo: end, &counters
            )
            guard runtimes[slot].egress[job.place].next >= window.end else { continue }
            stills.removeFirst()
            finishStill(slot, job.place, track, shown: window[still.entry].entryTimestamp)
        }
    }

    /// - Returns: `nil` when the viewer has gone, or follows something else.
    private func stillTrack(of job: StillJob) -> Track? {
        let slot = Int(job.handle.slot)
        guard slab.isCurrent(job.handle), runtimes[slot].egress[job.place].isShowingStill,
            let place = runtimes[slot].egress[job.place].track
        else { return nil }
        let tracks = rooms[runtimes[slot].room].tracks
        return place < tracks.count ? tracks[place] : nil
    }

    /// The next picture goes on as if the still had been shown until then.
    private mutating func finishStill(_ slot: Int, _ place: Int, _ track: Track, shown timestamp: UInt32) {
        let window = unsafe track.ring.window
        let newest = window.end > window.start ? window[window.end - 1].timestamp : timestamp
        let base = timestamp &+ slab[slot].egress[place].timestampOffset
        slab[slot].egress[place].timestampOffset = Replay.liveOffset(newest: newest, base: base)
        runtimes[slot].egress[place].isShowingStill = false
        runtimes[slot].egress[place].hold()
        runtimes[slot].egress[place].next = window.end
        counters.stillsShown &+= 1
    }

    /// There is a keyframe meanwhile, or nobody to show one to.
    private mutating func leaveStill(_ job: StillJob) {
        let slot = Int(job.handle.slot)
        guard slab.isCurrent(job.handle), runtimes[slot].egress[job.place].isShowingStill else { return }
        runtimes[slot].egress[job.place].isShowingStill = false
        runtimes[slot].egress[job.place].hold()
        let room = runtimes[slot].room
        guard let place = runtimes[slot].egress[job.place].track, place < rooms[room].tracks.count else {
            return
        }
        let track = rooms[room].tracks[place]
        runtimes[slot].egress[job.place].next = track.entry ?? track.ring.nextSerial
        runtimes[slot].egress[job.place].mayReplay = true
        queueFanOut(track, room: room, place: place)
    }
}
