package import SigmaWire

/// Maps the RTP timestamps of one incoming stream to our own timeline.
///
/// Until a publisher session's first sender report its streams are placed by arrival: each at the earliest
/// arrival seen. From then on they are placed by the sender's NTP clock and one offset for the whole
/// session, so that audio and video keep the distance the sender gave them (RFC 3550 §6.4.1).
package struct MediaTimeline: BitwiseCopyable, Equatable, Sendable {
    /// A pair of times that are the same moment.
    private var anchorTimestamp: UInt32 = 0
    private var anchorTime = Instant.zero
    private var lastNTP: UInt64 = 0
    private var source = Source.none

    private enum Source: UInt8, BitwiseCopyable, CaseIterable { case none, arrival, senderReport }

    static let octetRules: [OctetRule] = [.cases(of: \MediaTimeline.source)]

    package init() {}

    package var isKnown: Bool { source != .none }
    package var followsSenderReports: Bool { source == .senderReport }

    /// A packet with `timestamp` arrived: the moment it stands for is no later than that.
    package mutating func observe(timestamp: UInt32, arrival: Instant, clockRate: UInt32) {
        switch source {
        case .senderReport: return
        case .arrival:
            guard arrival < time(of: timestamp, clockRate: clockRate) else { return }
        case .none: break
        }
        anchorTimestamp = timestamp
        anchorTime = arrival
        source = .arrival
    }

    /// A sender report came.
    ///
    /// - Parameters:
    ///   - offset: From the sender's NTP time to ours, ns, one for all streams of the publisher session;
    ///     fixed here when it is not yet.
    /// - Returns: `false` when it was older than the last one and changed nothing.
    @discardableResult
    package mutating func observe(
        _ report: SenderInfo, arrival: Instant, clockRate: UInt32, offset: inout Int64?
    ) -> Bool {
        guard source != .senderReport || report.ntp.rawValue > lastNTP else { return false }
        let senderTime = report.ntp.nanoseconds
        let shift: Int64
        if let offset {
            shift = offset
        } else {
            // Where the stream stands by arrival stays where it is.
            let ours = isKnown ? time(of: report.rtpTimestamp, clockRate: clockRate) : arrival
            shift = ours.nanoseconds &- senderTime
            offset = shift
        }
        anchorTimestamp = report.rtpTimestamp
        anchorTime = Instant(nanoseconds: senderTime &+ shift)
        lastNTP = report.ntp.rawValue
        source = .senderReport
        return true
    }

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
