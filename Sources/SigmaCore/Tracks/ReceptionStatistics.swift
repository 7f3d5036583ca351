package import SigmaWire

/// What a receiver reports about one source: highest number, losses, jitter.
///
/// - SeeAlso: RFC 3550 appendix A.1 (sequence numbers), A.3 (losses), A.8 (jitter)
package struct ReceptionStatistics: Equatable, Sendable {
    /// Packets in order that a new source has to show before it is believed.
    private static let minimumSequential = 2
    private static let maximumDropout = 3000
    private static let maximumMisorder = 100

    private var baseIndex: UInt64 = 0
    package private(set) var highestIndex: UInt64 = 0
    package private(set) var received: UInt64 = 0
    /// Times the source jumped and was taken up anew.
    package private(set) var restarts: UInt64 = 0
    private var probation: Int
    private var isStarted = false
    private var badNumber: UInt16?
    private var expectedBefore: UInt64 = 0
    private var receivedBefore: UInt64 = 0
    /// 16 times the jitter, RTP ticks.
    private var scaledJitter: UInt32 = 0
    private var lastTransit: UInt32?

    /// - Parameter isAnnounced: Its SSRC stands in the SDP, so the first packet is believed.
    package init(isAnnounced: Bool) {
        probation = isAnnounced ? 0 : Self.minimumSequential
    }

    package enum Verdict: Equatable, Sendable {
        /// Forward it under this index.
        case valid(UInt64)
        /// A new source on probation: not yet.
        case probation
        /// A jump that may be a restart; believed when the next number follows it.
        case suspicious
    }

    /// Starts at 2¹⁶ so that late packets of before the first one have an index above 0.
    private static let firstCycle: UInt64 = 0x1_0000

    package mutating func receive(
        _ number: UInt16, timestamp: UInt32, arrival: Instant, clockRate: UInt32
    ) -> Verdict {
        guard isStarted else {
            start(at: number)
            return admit(number, timestamp, arrival, clockRate)
        }
        let delta = number &- UInt16(truncatingIfNeeded: highestIndex)
        if probation > 0 {
            if delta == 1 { return admit(number, timestamp, arrival, clockRate) }
            start(at: number)
            probation = Self.minimumSequential - 1
            return .probation
        }
        let isAhead = Int(delta) < Self.maximumDropout
        let isLate = Int(delta) > 0x1_0000 - Self.maximumMisorder
        if isAhead || isLate {
            badNumber = nil
            return admit(number, timestamp, arrival, clockRate)
        }
        if badNumber == number {
            // Two in order from the new place: the sender restarted without telling anyone. The numbers go
            // on in a later cycle, so that what is sent on never goes backwards.
            restarts &+= 1
            let next = (highestIndex | 0xFFFF) &+ 1
            resume(at: next | UInt64(number))
            return admit(number, timestamp, arrival, clockRate)
        }
        badNumber = number &+ 1
        return .suspicious
    }

    private mutating func start(at number: UInt16) {
        isStarted = true
        resume(at: Self.firstCycle | UInt64(number))
    }

    private mutating func resume(at index: UInt64) {
        baseIndex = index
        highestIndex = index
        received = 0
        expectedBefore = 0
        receivedBefore = 0
        badNumber = nil
        lastTransit = nil
    }

    private mutating func admit(
        _ number: UInt16, _ timestamp: UInt32, _ arrival: Instant, _ clockRate: UInt32
    ) -> Verdict {
        let index = SequenceNumber.extend(number, near: highestIndex)
        highestIndex = max(highestIndex, index)
        if probation > 0 {
            probation -= 1
            if probation > 0 { return .probation }
            baseIndex = index
        }
        received &+= 1
        noteTransit(timestamp: timestamp, arrival: arrival, clockRate: clockRate)
        return .valid(index)
    }

    /// RFC 3550 A.8, in the integer form.
    private mutating func noteTransit(timestamp: UInt32, arrival: Instant, clockRate: UInt32) {
        let (seconds, rest) = arrival.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let ticks = seconds &* Int64(clockRate) &+ rest &* Int64(clockRate) / 1_000_000_000
        let transit = UInt32(truncatingIfNeeded: ticks) &- timestamp
        defer { lastTransit = transit }
        guard let lastTransit else { return }
        let d = Int32(bitPattern: transit &- lastTransit).magnitude
        // A clock jump of the sender is no jitter.
        guard d < clockRate &* 10 else { return }
        scaledJitter = scaledJitter &+ d &- ((scaledJitter &+ 8) >> 4)
    }

    /// RTP ticks.
    package var jitter: UInt32 { scaledJitter >> 4 }

    private var expected: UInt64 { isStarted ? highestIndex &- baseIndex &+ 1 : 0 }

    /// Packets that did not come; negative with duplicates (RFC 3550 A.3).
    package var cumulativeLost: Int32 {
        let lost = Int64(bitPattern: expected) &- Int64(bitPattern: received)
        return Int32(max(-0x80_0000, min(0x7F_FFFF, lost)))
    }

    /// Makes a report block and starts the next interval of the loss fraction.
    ///
    /// - Parameters:
    ///   - lastSR: The middle 32 bits of the last SR's NTP time and when it arrived, if one came.
    /// - Returns: `nil` while nothing has been received.
    package mutating func makeReport(
        for ssrc: SSRC, lastSR: (middle: UInt32, arrival: Instant)?, at now: Instant
    ) -> ReportBlock? {
        guard isStarted, received > 0 else { return nil }
        let expectedInterval = Int64(bitPattern: expected &- expectedBefore)
        let lostInterval = expectedInterval &- Int64(bitPattern: received &- receivedBefore)
        expectedBefore = expected
        receivedBefore = received
        var fraction: UInt8 = 0
        if expectedInterval > 0, lostInterval > 0 {
            fraction = UInt8(min(255, (lostInterval << 8) / expectedInterval))
        }
        var delay: UInt32 = 0
        if let lastSR {
            let since = max(0, (now - lastSR.arrival).nanoseconds)
            let (seconds, rest) = since.quotientAndRemainder(dividingBy: 1_000_000_000)
            delay = UInt32(clamping: seconds &* 65536 &+ rest &* 65536 / 1_000_000_000)
        }
        return ReportBlock(
            ssrc: ssrc, fractionLost: fraction, cumulativeLost: cumulativeLost,
            highestSequenceNumber: UInt32(truncatingIfNeeded: highestIndex &- Self.firstCycle),
            jitter: jitter, lastSR: lastSR?.middle ?? 0, delaySinceLastSR: delay)
    }
}
