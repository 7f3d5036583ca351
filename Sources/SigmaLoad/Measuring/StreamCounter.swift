package import SigmaWire

/// What came of one RTP stream, by the plain header alone.
///
/// - SeeAlso: RFC 3550 §5.1, appendix A.3
package struct StreamCounter: Sendable {
    /// Numbers behind the highest whose repetition is recognised.
    package static let window = 1024

    package let ssrc: UInt32
    /// Different packets; one that is older than the window counts as new.
    package private(set) var packets = 0
    /// Octets of the datagrams of those.
    package private(set) var octets = 0
    package private(set) var duplicates = 0
    /// Packets that came after a higher number.
    package private(set) var outOfOrder = 0
    /// The highest number, continued over its wraps.
    package private(set) var highest: UInt64
    private var lowest: UInt64
    private var seen = InlineArray<16, UInt64>(repeating: 0)
    private var reportedExpected = 0
    private var reportedPackets = 0

    package init(ssrc: UInt32, first: UInt16) {
        self.ssrc = ssrc
        // One wrap above 0, so that packets before the first have an index too.
        highest = UInt64(first) + 0x1_0000
        lowest = highest
    }

    /// From the lowest to the highest number, both included.
    package var expected: Int { packets == 0 ? 0 : Int(highest - lowest) + 1 }

    package mutating func note(_ number: UInt16, octets count: Int) {
        let index = SequenceNumber.extend(number, near: highest)
        if packets == 0 {
            mark(index)
        } else if index > highest {
            forget(from: highest + 1, through: index)
            highest = index
            mark(index)
        } else if highest - index >= UInt64(Self.window) {
            outOfOrder += 1
        } else if isMarked(index) {
            duplicates += 1
            return
        } else {
            outOfOrder += 1
            mark(index)
        }
        lowest = min(lowest, index)
        packets += 1
        octets += count
    }

    private func isMarked(_ index: UInt64) -> Bool {
        seen[Int(index >> 6 & 15)] & 1 << (index & 63) != 0
    }

    private mutating func mark(_ index: UInt64) { seen[Int(index >> 6 & 15)] |= 1 << (index & 63) }

    private mutating func forget(from first: UInt64, through last: UInt64) {
        if last - first >= UInt64(Self.window) {
            seen = InlineArray(repeating: 0)
            return
        }
        for index in first...last { seen[Int(index >> 6 & 15)] &= ~(1 << (index & 63)) }
    }

    /// What a receiver report says (RFC 3550 §6.4.1); the loss since the last call.
    package mutating func takeReport() -> ReportBlock {
        let newExpected = expected - reportedExpected
        let newLost = newExpected - (packets - reportedPackets)
        (reportedExpected, reportedPackets) = (expected, packets)
        let fraction = newExpected > 0 && newLost > 0 ? min(255, newLost * 256 / newExpected) : 0
        return ReportBlock(
            ssrc: SSRC(rawValue: ssrc), fractionLost: UInt8(fraction),
            cumulativeLost: Int32(clamping: max(0, min(0x7F_FFFF, expected - packets))),
            highestSequenceNumber: UInt32(truncatingIfNeeded: highest &- 0x1_0000), jitter: 0, lastSR: 0,
            delaySinceLastSR: 0)
    }
}
