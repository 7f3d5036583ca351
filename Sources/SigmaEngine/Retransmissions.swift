internal import SigmaCore

/// A packet that a viewer has asked for again.
struct Retransmission: BitwiseCopyable {
    var handle: SessionHandle
    /// Of the viewer's egresses.
    var place: Int
    /// The outgoing index it had.
    var index: UInt64
}

extension FirstInFirstOut<Retransmission> {
    /// Of all viewers; what does not fit is asked for again.
    static var limit: Int { 4096 }
}

/// What one viewer was sent again lately, and what it may be sent yet.
///
/// Made for a viewer that asks; the others need none. A storm of requests costs no more than the stream itself: each
/// packet that is sent earns one that may be sent again.
struct RetransmissionHistory {
    private struct Entry: BitwiseCopyable {
        /// The low bits of the index, and the place of the egress.
        var key: UInt32 = .max
        /// Milliseconds, the low 24 bits; times sent again.
        var state: UInt32 = 0
    }

    /// A power of two.
    private static let length = 512
    /// RFC 4585 leaves it open; whoever has not got it then never will.
    private static let limit: UInt32 = 10
    /// Numbers that are looked up in a second: what a receiver asks for that has lost everything, and a fraction of a
    /// per cent of a core.
    private static let lookupLimit = 4096
    /// Packets.
    private static let burst: Int64 = 256
    /// Before the round trip is known.
    private static let shortest = Interval.milliseconds(10)

    private var entries = [Entry](repeating: Entry(), count: Self.length)
    private var credit = Self.burst
    /// Packets that had been sent when ``credit`` was last topped up.
    private var earned: UInt64 = 0

    private var lookups = 0
    private var lookupsSince = Instant.zero

    /// Whether one more number may be looked up; counts it.
    mutating func mayLookUp(at now: Instant) -> Bool {
        if now - lookupsSince >= .seconds(1) {
            lookupsSince = now
            lookups = 0
        }
        lookups += 1
        return lookups <= Self.lookupLimit
    }

    /// Whether a packet may be sent again now; counts it as sent.
    ///
    /// - Parameters:
    ///   - sent: Packets the viewer was sent so far, without those that were sent again.
    ///   - roundTrip: To the viewer; less than it ago, a repetition is still under way.
    mutating func allow(
        _ index: UInt64, _ place: Int, sent: UInt64, roundTrip: Interval, at now: Instant
    ) -> Bool {
        credit = min(Self.burst, credit + Int64(clamping: sent &- earned))
        earned = sent
        guard credit > 0 else { return false }
        let key = UInt32(truncatingIfNeeded: index) & 0x0FFF_FFFF | UInt32(truncatingIfNeeded: place) << 28
        let slot = Int(truncatingIfNeeded: index) & (Self.length - 1)
        let time = UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000) & 0xFF_FFFF
        var times: UInt32 = 0
        if entries[slot].key == key {
            times = entries[slot].state >> 24
            let passed = (time &- entries[slot].state) & 0xFF_FFFF
            let spacing = max(Self.shortest, roundTrip).nanoseconds / 1_000_000
            guard times < Self.limit, Int64(passed) >= spacing else { return false }
        }
        entries[slot] = Entry(key: key, state: (times + 1) << 24 | time)
        credit -= 1
        return true
    }
}
