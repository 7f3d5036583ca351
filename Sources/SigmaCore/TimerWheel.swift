/// When each session has something to do next: one deadline for a slot, set and taken in constant time.
///
/// Deadlines lie in a ring of buckets of 10 ms; those more than a turn away stay where they are until their turn has
/// come. Fixed memory, no allocation after `init`.
package struct TimerWheel: ~Copyable {
    /// A deadline is met at most this late, and never early.
    package static let tick = Interval.milliseconds(10)
    private static let bucketCount = 1024
    private static let none = UInt32.max

    private var heads: [UInt32]
    private var entries: [Entry]
    /// Bit n of word n / 64: bucket n is not empty.
    private var occupied = [UInt64](repeating: 0, count: bucketCount / 64)
    /// All before this tick were looked at.
    private var current: Int64 = 0
    package private(set) var count = 0

    private struct Entry: BitwiseCopyable {
        /// In ticks; negative: not set.
        var due: Int64 = -1
        var next = TimerWheel.none
        var previous = TimerWheel.none
    }

    /// - Parameter slots: Slots are 0 up to this.
    package init(slots: Int) {
        heads = Array(repeating: Self.none, count: Self.bucketCount)
        entries = Array(repeating: Entry(), count: slots)
    }

    /// Sets the deadline of `slot`, whatever it was before.
    package mutating func schedule(_ slot: Int, at deadline: Instant) {
        let due = max(current + 1, Self.ticks(deadline, roundingUp: true))
        guard entries[slot].due != due else { return }
        cancel(slot)
        let bucket = Self.bucket(due)
        let head = heads[bucket]
        entries[slot] = Entry(due: due, next: head, previous: Self.none)
        if head != Self.none { entries[Int(head)].previous = UInt32(slot) }
        heads[bucket] = UInt32(slot)
        occupied[bucket / 64] |= 1 << UInt64(bucket % 64)
        count += 1
    }

    /// Sets the deadline of `slot` unless it has an earlier one.
    package mutating func hasten(_ slot: Int, to deadline: Instant) {
        let due = entries[slot].due
        if due < 0 || Self.ticks(deadline, roundingUp: true) < due { schedule(slot, at: deadline) }
    }

    package mutating func cancel(_ slot: Int) {
        let entry = entries[slot]
        guard entry.due >= 0 else { return }
        let bucket = Self.bucket(entry.due)
        if entry.previous == Self.none {
            heads[bucket] = entry.next
            if entry.next == Self.none { occupied[bucket / 64] &= ~(1 << UInt64(bucket % 64)) }
        } else {
            entries[Int(entry.previous)].next = entry.next
        }
        if entry.next != Self.none { entries[Int(entry.next)].previous = entry.previous }
        entries[slot] = Entry()
        count -= 1
    }

    /// Takes one slot whose deadline has come; its deadline is no longer set.
    ///
    /// - Returns: `nil` when there is none.
    package mutating func takeDue(at now: Instant) -> Int? {
        let end = Self.ticks(now, roundingUp: false)
        // After a long pause one turn sees every bucket.
        current = max(current, end - Int64(Self.bucketCount))
        while true {
            if let slot = due(in: Self.bucket(current), by: end) {
                cancel(slot)
                return slot
            }
            guard current < end else { return nil }
            current += 1
        }
    }

    private func due(in bucket: Int, by end: Int64) -> Int? {
        var place = heads[bucket]
        while place != Self.none {
            if entries[Int(place)].due <= end { return Int(place) }
            place = entries[Int(place)].next
        }
        return nil
    }

    /// When ``takeDue(at:)``, after it has returned `nil`, may next have something; earlier than the deadline when that
    /// is more than a turn away.
    package var deadline: Instant? {
        guard count > 0 else { return nil }
        // What was due in the current bucket was taken; what is left there has a turn to go.
        let first = Self.bucket(current + 1)
        for step in 0...(Self.bucketCount / 64) {
            let word = (first / 64 + step) % (Self.bucketCount / 64)
            var bits = occupied[word]
            // The first word is looked at twice: what lies ahead in it, and at the end what lies behind.
            if step == 0 { bits &= UInt64.max << UInt64(first % 64) }
            guard bits != 0 else { continue }
            let bucket = word * 64 + bits.trailingZeroBitCount
            let distance = (bucket - first + Self.bucketCount) % Self.bucketCount
            return Instant(nanoseconds: (current + 1 + Int64(distance)) * Self.tick.nanoseconds)
        }
        return nil
    }

    private static func bucket(_ tick: Int64) -> Int { Int(tick & Int64(bucketCount - 1)) }

    private static func ticks(_ moment: Instant, roundingUp: Bool) -> Int64 {
        let nanoseconds = max(0, moment.nanoseconds)
        let whole = nanoseconds / tick.nanoseconds
        return roundingUp && nanoseconds % tick.nanoseconds > 0 ? whole + 1 : whole
    }
}
