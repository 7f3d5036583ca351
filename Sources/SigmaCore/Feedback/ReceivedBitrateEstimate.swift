/// How much a publisher may send, as far as a receiver can tell from what it gets and what is lost: for senders that
/// know no transport-wide feedback.
///
/// Without loss it rises, to half as much again as really comes; it falls when more than a tenth is lost, and between
/// the two it stays. Times of arrival are not looked at, so it notices a full queue only when that overflows.
///
/// - SeeAlso: draft-alvestrand-rmcat-remb-03; draft-ietf-rmcat-gcc-02 §5.5 (rise), §6 (losses)
package struct ReceivedBitrateEstimate: Sendable {
    // bit/s.
    package static let floor: UInt64 = 150_000
    package static let ceiling: UInt64 = 50_000_000
    /// What it begins with, unless more comes already.
    package static let start: UInt64 = 1_000_000

    /// What is looked at in one go.
    private static let window = Interval.milliseconds(500)
    /// Fewer packets say nothing of the path.
    private static let packetsPerWindow: Int64 = 20
    /// It is told again after this long.
    private static let repetition = Interval.seconds(1)
    /// Losses that were on their way before the sender could react do not count twice.
    private static let decreaseSpacing = Interval.seconds(1)

    /// All that a session has received, and missed.
    package struct Totals: Equatable, Sendable {
        package var octets: UInt64
        package var packets: Int64
        package var lost: Int64

        package init(octets: UInt64, packets: Int64, lost: Int64) {
            self.octets = octets
            self.packets = packets
            self.lost = lost
        }
    }

    /// `nil` before the first window is over.
    package private(set) var bitrate: UInt64?
    private var began: (at: Instant, totals: Totals)?
    private var told: (at: Instant, bitrate: UInt64)?
    private var lastDecrease: Instant?

    package init() {}

    /// Looks at what has come.
    ///
    /// - Returns: bit/s, when the sender is to be told now: once a second, and at once when it is to send less.
    package mutating func update(_ totals: Totals, at now: Instant) -> UInt64? {
        guard let began else {
            began = (now, totals)
            return nil
        }
        let elapsed = now - began.at
        let packets = totals.packets &- began.totals.packets
        let lost = totals.lost &- began.totals.lost
        if elapsed >= Self.window, packets &+ lost >= Self.packetsPerWindow || elapsed >= Self.repetition {
            self.began = (now, totals)
            // Fewer than before: the counting has begun anew.
            if packets > 0 {
                let octets = totals.octets &- began.totals.octets
                judge(rate: Self.rate(octets, over: elapsed), packets: packets, lost: max(0, lost), at: now)
            }
        }
        return takeNews(at: now)
    }

    private mutating func judge(rate: UInt64, packets: Int64, lost: Int64, at now: Instant) {
        guard let current = bitrate else {
            bitrate = Self.bounded(max(Self.start, rate + rate / 2))
            return
        }
        let expected = packets &+ lost
        // In 1000ths.
        let loss = expected < Self.packetsPerWindow ? 0 : lost &* 1000 / expected
        if loss > 100 {
            if let last = lastDecrease, now - last < Self.decreaseSpacing { return }
            lastDecrease = now
            bitrate = Self.bounded(min(current, rate) * UInt64(2000 - min(loss, 1000)) / 2000)
        } else if loss < 20 {
            let limit = max(current, rate + rate / 2)
            bitrate = Self.bounded(max(rate, min(current + current / 25, limit)))
        }
    }

    private static func rate(_ octets: UInt64, over elapsed: Interval) -> UInt64 {
        let milliseconds = UInt64(max(1, elapsed.nanoseconds / 1_000_000))
        return min(octets, 1 << 40) * 8000 / milliseconds
    }

    private static func bounded(_ bitrate: UInt64) -> UInt64 { min(max(bitrate, floor), ceiling) }

    private mutating func takeNews(at now: Instant) -> UInt64? {
        guard let bitrate else { return nil }
        if let told, now - told.at < Self.repetition, bitrate >= told.bitrate * 97 / 100 { return nil }
        told = (now, bitrate)
        return bitrate
    }
}
