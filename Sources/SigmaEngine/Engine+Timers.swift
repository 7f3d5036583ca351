package import SigmaCore
package import SigmaWire

extension Engine {
    /// Timers are looked at this often: finer than any of them needs.
    private static var tick: Interval { .milliseconds(20) }

    /// When ``advance(to:into:)`` is next due; `nil` while there is no session.
    package var deadline: Instant? { live.isEmpty ? nil : nextTick }

    /// Does what has become due: reports, keyframe requests, consent.
    ///
    /// - Returns: Whether the batch filled up before all were seen: send it, empty it, call again.
    package mutating func advance(to now: Instant, into batch: inout DatagramBatch) -> Bool {
        guard nextTick <= now, !live.isEmpty else { return false }
        while timerCursor < live.count {
            guard batch.count + Self.outputReserve <= batch.capacity else { return true }
            let slot = live[timerCursor]
            advanceSession(slot, to: now, into: &batch)
            // An ended session's place was taken by the last one, which has yet to be seen.
            if timerCursor < live.count, live[timerCursor] == slot { timerCursor += 1 }
        }
        timerCursor = 0
        nextTick = now + Self.tick
        return false
    }

    private mutating func advanceSession(_ slot: Int, to now: Instant, into batch: inout DatagramBatch) {
        if runtimes[slot].connectDeadline <= now {
            end(slot, reason: .neverConnected, at: now, into: &batch)
            return
        }
        guard advanceConsent(slot, to: now, into: &batch) else { return }
        advanceRTCP(slot, to: now, into: &batch)
    }

    /// - Returns: `false` when the session has ended.
    private mutating func advanceConsent(
        _ slot: Int, to now: Instant, into batch: inout DatagramBatch
    ) -> Bool {
        guard slab[slot].agent.mediaPath != nil else { return true }
        // What is sent before the next look has to have consent as well.
        switch slab[slot].agent.consent(at: now + Self.tick) {
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
