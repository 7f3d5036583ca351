package import SigmaCore
package import SigmaWire

extension Engine {
    /// A publisher is looked at this often: keyframe requests are due at any time.
    private static var publisherTick: Interval { .milliseconds(20) }
    /// A viewer at least this often; its consent and its sender reports have deadlines of their own.
    private static var viewerTick: Interval { .milliseconds(500) }
    /// Replayed pictures do not wait for the next live one.
    private static var replayTick: Interval { .milliseconds(20) }
    /// No session is looked at more often.
    private static var leastTick: Interval { .milliseconds(5) }
    /// A session ends up to this much early for want of consent: the look at it may be a little late.
    private static var consentMargin: Interval { .milliseconds(20) }

    /// When ``advance(to:into:)`` is next due; `nil` while there is no session.
    package var deadline: Instant? { timers.deadline }

    /// Does what has become due: reports, keyframe requests, consent.
    ///
    /// - Returns: Whether the batch filled up before all were seen: send it, empty it, call again.
    package mutating func advance(to now: Instant, into batch: inout DatagramBatch) -> Bool {
        while batch.count + Self.outputReserve <= batch.capacity {
            guard let slot = timers.takeDue(at: now) else { return false }
            let handle = handle(slot)
            advanceSession(slot, to: now, into: &batch)
            if slab.isCurrent(handle) { timers.schedule(slot, at: nextDeadline(slot, after: now)) }
        }
        return true
    }

    private func nextDeadline(_ slot: Int, after now: Instant) -> Instant {
        var next = now + (runtimes[slot].role == .publisher ? Self.publisherTick : Self.viewerTick)
        next = min(next, slab[slot].agent.consentChange(after: now + Self.consentMargin))
        if isCatchingUp(slot, at: now) { next = min(next, now + Self.replayTick) }
        for index in 0..<runtimes[slot].egressCount {
            next = min(next, runtimes[slot].egress[index].nextSenderReport)
        }
        if runtimes[slot].role == .publisher {
            for track in rooms[runtimes[slot].room].tracks {
                if let deadline = track.repair?.deadline {
                    next = min(next, max(deadline, now + Self.leastTick))
                }
            }
        }
        return next
    }

    private mutating func advanceSession(_ slot: Int, to now: Instant, into batch: inout DatagramBatch) {
        if runtimes[slot].connectDeadline <= now {
            end(slot, reason: .neverConnected, at: now, into: &batch)
            return
        }
        guard advanceConsent(slot, to: now, into: &batch) else { return }
        if runtimes[slot].role == .publisher, isSilent(slot, at: now) { endLive(slot, at: now) }
        advanceReplay(slot, at: now)
        advanceRTCP(slot, to: now, into: &batch)
    }

    /// Longer than the pauses of a picture that stands still, or of a network that is changed.
    private static var silence: Interval { .seconds(5) }

    private func isSilent(_ slot: Int, at now: Instant) -> Bool {
        let room = runtimes[slot].room
        guard rooms[room].isLive, rooms[room].publisher == slot else { return false }
        return rooms[room].tracks.allSatisfy { now - $0.lastArrival >= Self.silence }
    }

    /// - Returns: `false` when the session has ended.
    private mutating func advanceConsent(
        _ slot: Int, to now: Instant, into batch: inout DatagramBatch
    ) -> Bool {
        guard slab[slot].agent.mediaPath != nil else { return true }
        switch slab[slot].agent.consent(at: now + Self.consentMargin) {
        case .given:
            return true
        case .doubtful:
            guard slab[slot].current.state == .connected else { return true }
            var cold = slab.cold(slot)
            cold.state = .disconnected
            slab.commit(cold, slot: slot)
            emit(.disconnected, slot: slot, at: now)
            return true
        case .expired:
            end(slot, reason: .consentExpired, at: now, into: &batch)
            return false
        }
    }
}
