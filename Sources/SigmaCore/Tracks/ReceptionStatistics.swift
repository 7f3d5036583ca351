package import SigmaWire

/// What a receiver reports about one source: highest number, losses, jitter.
///
/// For authentic packets only. Their tag covers the index (RFC 3711 §4.2), rollover counter included, so it is
/// taken as it is: neither a stray nor guessed a second time. The two heuristics of RFC 3550 A.1 are left out:
/// probation (MIN_SEQUENTIAL) would swallow the first packet of a source, and asking for a second packet behind
/// a jump would swallow the first one there.
///
/// - SeeAlso: RFC 3550 appendix A.1 (sequence numbers), A.3 (losses), A.8 (jitter)
package struct ReceptionStatistics: Equatable, Sendable {
    /// A gap this long is a restart or an outage, and counting begins anew behind it (A.1, MAX_DROPOUT).
    package static let maximumDropout: UInt64 = 3000

    private var baseIndex: UInt64 = 0
    package private(set) var highestIndex: UInt64 = 0
    package private(set) var received: UInt64 = 0
    package private(set) var isStarted = false
    /// Of 256 packets between the last two reports, those that were lost.
    package private(set) var fractionLost: UInt8 = 0
    private var hasNews = false
    private var expectedBefore: UInt64 = 0
    private var receivedBefore: UInt64 = 0
    /// 16 times the jitter, RTP ticks.
    private var scaledJitter: UInt32 = 0
    private var lastTransit: UInt32?

    package init() {}

    /// Notes a packet by its SRTP index.
    ///
    /// - Returns: Whether it is a jump: it stands behind a gap that is too long to be loss, and the stream
    ///   begins anew with it.
    package mutating func receive(
        _ index: UInt64, timestamp: UInt32, arrival: Instant, clockRate: UInt32
    ) -> Bool {
        hasNews = true
        let isJump = isStarted && index > highestIndex && index - highestIndex >= Self.maximumDropout
        if !isStarted || isJump { restart(at: index) }
        highestIndex = max(highestIndex, index)
        // What stood before the first packet, but came after it, was never expected.
        if index >= baseIndex { received &+= 1 }
        noteTransit(timestamp: timestamp, arrival: arrival, clockRate: clockRate)
        return isJump
    }

    private mutating func restart(at index: UInt64) {
        isStarted = true
        baseIndex = index
        highestIndex = index
        received = 0
        expectedBefore = 0
        receivedBefore = 0
        lastTransit = nil
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
    /// - Returns: `nil` when nothing has been received since the last one (RFC 3550 §6.4).
    package mutating func makeReport(
        for ssrc: SSRC, lastSR: (middle: UInt32, arrival: Instant)?, at now: Instant
    ) -> ReportBlock? {
        guard hasNews else { return nil }
        hasNews = false
        let expectedInterval = Int64(bitPattern: expected &- expectedBefore)
        let lostInterval = expectedInterval &- Int64(bitPattern: received &- receivedBefore)
        expectedBefore = expected
        receivedBefore = received
        fractionLost = 0
        if expectedInterval > 0, lostInterval > 0 {
            fractionLost = UInt8(min(255, (lostInterval << 8) / expectedInterval))
        }
        var delay: UInt32 = 0
        if let lastSR {
            let since = max(0, (now - lastSR.arrival).nanoseconds)
            let (seconds, rest) = since.quotientAndRemainder(dividingBy: 1_000_000_000)
            delay = UInt32(clamping: seconds &* 65536 &+ rest &* 65536 / 1_000_000_000)
        }
        return ReportBlock(
            ssrc: ssrc, fractionLost: fractionLost, cumulativeLost: cumulativeLost,
            highestSequenceNumber: UInt32(truncatingIfNeeded: highestIndex),
            jitter: jitter, lastSR: lastSR?.middle ?? 0, delaySinceLastSR: delay)
    }
}
