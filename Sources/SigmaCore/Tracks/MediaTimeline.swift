package import SigmaWire

/// Maps the RTP timestamps of one incoming stream to our own timeline.
///
/// ```
///  none ──packet──▶ arrival ──sender report──▶ sender report
///                      ▲                             │
///                      └──timestamp far from now─────┘
/// ```
///
/// Until a publisher session's first sender report its streams are placed by arrival: each at the earliest
/// arrival of the last seconds. From then on they are placed by the sender's NTP clock and one offset for the
/// whole session, so that audio and video keep the distance the sender gave them (RFC 3550 §6.4.1).
package struct MediaTimeline: BitwiseCopyable, Equatable, Sendable {
    /// A pair of times that are the same moment.
    private var anchorTimestamp: UInt32 = 0
    private var anchorTime = Instant.zero
    /// The earliest packet of the running window, by arrival: the next anchor.
    private var candidateTimestamp: UInt32 = 0
    private var candidateTime = Instant.zero
    private var windowEnd = Instant.zero
    private var lastNTP: UInt64 = 0
    private var lastReport = Instant.zero
    /// From where the last report put itself to when it came, ns.
    private var lag: Int64 = 0
    private var source = Source.none

    private enum Source: UInt8, BitwiseCopyable, CaseIterable { case none, arrival, senderReport }

    static let octetRules: [OctetRule] = [.cases(of: \MediaTimeline.source)]

    package init() {}

    package var isKnown: Bool { source != .none }
    package var followsSenderReports: Bool { source == .senderReport }

    /// As long as a clock that drifts may stay where it was found.
    private static let window = Interval.seconds(30)
    /// A timestamp this far from its arrival, ns, is of another run of the clock.
    private static let jump: UInt64 = 10_000_000_000
    /// Timestamps half a wrap (2³¹) from the anchor are ambiguous: it moves long before.
    private static let farAhead: UInt32 = 1 << 30

    /// A packet with `timestamp` arrived: the moment it stands for is no later than that.
    ///
    /// - Returns: `false` when the timestamps have jumped: the sender's media clock began anew.
    @discardableResult
    package mutating func observe(timestamp: UInt32, arrival: Instant, clockRate: UInt32) -> Bool {
        let expected = time(of: timestamp, clockRate: clockRate)
        let lateness = (arrival - expected).nanoseconds
        guard source != .none, lateness.magnitude < Self.jump else {
            let isFirst = source == .none
            source = .arrival
            anchor(timestamp, at: arrival)
            openWindow(timestamp, arrival)
            return isFirst
        }
        switch source {
        case .none: break
        case .senderReport:
            if (Self.farAhead..<1 << 31).contains(timestamp &- anchorTimestamp) {
                anchor(timestamp, at: expected)
            }
        case .arrival:
            if lateness < 0 { anchor(timestamp, at: arrival) }
            follow(timestamp, arrival, clockRate)
        }
        return true
    }

    /// The anchor never moves later at once, since a packet may be late for itself; it does at the end of a
    /// window in which all were late.
    private mutating func follow(_ timestamp: UInt32, _ arrival: Instant, _ clockRate: UInt32) {
        guard arrival < windowEnd else {
            anchor(candidateTimestamp, at: candidateTime)
            openWindow(timestamp, arrival)
            return
        }
        let best = candidateTime - time(of: candidateTimestamp, clockRate: clockRate)
        guard arrival - time(of: timestamp, clockRate: clockRate) <= best else { return }
        candidateTimestamp = timestamp
        candidateTime = arrival
    }

    private mutating func openWindow(_ timestamp: UInt32, _ arrival: Instant) {
        candidateTimestamp = timestamp
        candidateTime = arrival
        windowEnd = arrival + Self.window
    }

    private mutating func anchor(_ timestamp: UInt32, at time: Instant) {
        anchorTimestamp = timestamp
        anchorTime = time
    }

    // MARK: Sender reports

    /// A sender report came.
    ///
    /// - Parameters:
    ///   - offset: From the sender's NTP time to ours, ns, one for all streams of the publisher session;
    ///     fixed here when it is not yet, and moved when the sender's wall clock was set.
    /// - Returns: `false` when it says nothing: it is older than the last one, or its sender has no wall
    ///   clock and says 0 (RFC 3550 §6.4.1).
    @discardableResult
    package mutating func observe(
        _ report: SenderInfo, arrival: Instant, clockRate: UInt32, offset: inout Int64?
    ) -> Bool {
        guard report.ntp.rawValue != 0, !isOutdated(report, at: arrival) else { return false }
        let senderTime = report.ntp.nanoseconds
        // Where the stream stands by what is known so far.
        let predicted = isKnown ? time(of: report.rtpTimestamp, clockRate: clockRate) : arrival
        var shift = offset ?? (predicted.nanoseconds &- senderTime)
        shift = shift &- clockStep(senderTime &+ shift, predicted, arrival)
        let placed = Instant(nanoseconds: senderTime &+ shift)
        anchor(report.rtpTimestamp, at: placed)
        lag = (arrival - placed).nanoseconds
        shift = shift &+ Self.slew(lag)
        offset = shift
        lastNTP = report.ntp.rawValue
        lastReport = arrival
        source = .senderReport
        return true
    }

    /// Behind the last one in both times, and not long after it: overtaken on its way.
    ///
    /// A clock that was set back leaves the RTP time ahead.
    private func isOutdated(_ report: SenderInfo, at arrival: Instant) -> Bool {
        source == .senderReport && report.ntp.rawValue < lastNTP
            && Int32(bitPattern: report.rtpTimestamp &- anchorTimestamp) < 0
            && arrival - lastReport < Self.overtaking
    }

    private static let overtaking = Interval.seconds(2)
    /// NTP and RTP clock of one sender do not come apart by this much, ns, without one of them being set.
    private static let stepLimit: UInt64 = 100_000_000

    /// How far the sender's wall clock was set, ns: 0 when it was not.
    ///
    /// When wall clock and RTP clock disagree, the one that also left the arrival times behind was set. A step
    /// is taken back in the offset of the session, so the other streams meet it with their next report.
    private func clockStep(_ placed: Int64, _ predicted: Instant, _ arrival: Instant) -> Int64 {
        let step = placed &- predicted.nanoseconds
        let byWallClock = arrival.nanoseconds &- placed
        switch source {
        case .none: return byWallClock.magnitude < Self.jump ? 0 : step
        case .arrival: return byWallClock.magnitude < Self.jump ? 0 : step
        case .senderReport:
            guard step.magnitude > Self.stepLimit else { return 0 }
            let byRTP = (arrival - predicted).nanoseconds
            return (byWallClock &- lag).magnitude > (byRTP &- lag).magnitude ? step : 0
        }
    }

    /// The sender's clock is a little faster or slower than ours: what adds up over days is taken back in
    /// steps that nobody hears, ns a report.
    private static func slew(_ lag: Int64) -> Int64 {
        if lag > 1_000_000_000 { return 1_000_000 }
        return lag < -100_000_000 ? -1_000_000 : 0
    }

    // MARK: The map

    /// The moment that `timestamp` stands for; right within half a wrap of the anchor.
    package func time(of timestamp: UInt32, clockRate: UInt32) -> Instant {
        let ticks = Int64(Int32(bitPattern: timestamp &- anchorTimestamp))
        let nanoseconds = ticks &* 1_000_000_000 / Int64(max(1, clockRate))
        return Instant(nanoseconds: anchorTime.nanoseconds &+ nanoseconds)
    }

    /// The timestamp that a packet sampled at `time` would carry.
    package func timestamp(at time: Instant, clockRate: UInt32) -> UInt32 {
        let elapsed = time.nanoseconds &- anchorTime.nanoseconds
        // Whole seconds and the rest apart: nanoseconds times 90 000 overflow after a day.
        let (seconds, rest) = elapsed.quotientAndRemainder(dividingBy: 1_000_000_000)
        let ticks = seconds &* Int64(clockRate) &+ rest &* Int64(clockRate) / 1_000_000_000
        return anchorTimestamp &+ UInt32(truncatingIfNeeded: ticks)
    }
}
