import SigmaCore
import SigmaWire
import Testing

@Suite("ReceptionStatistics: RFC 3550 A.1, A.3, A.8")
struct ReceptionStatisticsTests {
    private func feed(
        _ statistics: inout ReceptionStatistics, _ index: UInt64, timestamp: UInt32 = 0,
        at milliseconds: Int64 = 0
    ) -> Bool {
        statistics.receive(
            index, timestamp: timestamp, arrival: Instant(nanoseconds: milliseconds * 1_000_000),
            clockRate: 90_000)
    }

    @Test func `believes the first packet, since it is authentic`() {
        var statistics = ReceptionStatistics()
        let isJump = feed(&statistics, 7)
        #expect(!isJump)
        #expect(statistics.highestIndex == 7)
    }

    @Test func `continues over the wrap and takes late packets for what they are`() {
        var statistics = ReceptionStatistics()
        _ = feed(&statistics, 65_534)
        let isJump = feed(&statistics, 65_537)
        let isLateJump = feed(&statistics, 65_535)
        #expect(!isJump && !isLateJump)
        #expect(statistics.highestIndex == 65_537)
        #expect(statistics.cumulativeLost == 1)
    }

    @Test(
        arguments: [
            (2_999, false), (3_000, true), (20_000, true), (65_535, true), (65_536, true), (131_072, true),
            (-1, false), (-1_023, false),
        ] as [(Int64, Bool)])
    func `a gap of 3000 is a jump, whatever the number says (A.1)`(ahead: Int64, isJump: Bool) {
        var statistics = ReceptionStatistics()
        _ = feed(&statistics, 100_000)
        _ = feed(&statistics, 100_002)
        let there = feed(&statistics, UInt64(100_002 + ahead))
        #expect(there == isJump)
        #expect(statistics.highestIndex == UInt64(100_002 + max(0, ahead)))
        // Behind a jump it is counted anew.
        #expect(statistics.cumulativeLost == (isJump ? 0 : ahead > 0 ? Int32(ahead) : ahead == -1 ? 0 : 1))
    }

    @Test func `what stood before the first packet and comes after it was never expected`() {
        var statistics = ReceptionStatistics()
        _ = feed(&statistics, 10)
        _ = feed(&statistics, 9)
        _ = feed(&statistics, 11)
        #expect(statistics.cumulativeLost == 0)
        #expect(statistics.highestIndex == 11)
    }

    @Test func `reports the fraction of the interval and the losses of all time (A.3)`() throws {
        var statistics = ReceptionStatistics()
        let ssrc = SSRC(rawValue: 5)
        for number in 0..<100 as Range<UInt64> where number % 4 != 3 { _ = feed(&statistics, number) }
        _ = feed(&statistics, 100)
        let firstReport = statistics.makeReport(for: ssrc, lastSR: nil, at: .zero)
        let first = try #require(firstReport)
        // 101 expected, 25 of them lost.
        #expect(first.fractionLost == UInt8(25 * 256 / 101))
        #expect(first.cumulativeLost == 25)
        #expect(first.highestSequenceNumber == 100)
        for number in 101..<111 as Range<UInt64> { _ = feed(&statistics, number) }
        let secondReport = statistics.makeReport(for: ssrc, lastSR: nil, at: .zero)
        let second = try #require(secondReport)
        #expect(second.fractionLost == 0)
        #expect(second.cumulativeLost == 25)
    }

    @Test func `duplicates make the cumulative loss negative, not huge (A.3)`() throws {
        var statistics = ReceptionStatistics()
        for _ in 0..<3 { _ = feed(&statistics, 9) }
        let made = statistics.makeReport(for: SSRC(rawValue: 5), lastSR: nil, at: .zero)
        let report = try #require(made)
        #expect(report.cumulativeLost == -2)
        #expect(report.fractionLost == 0)
    }

    @Test func `jitter follows A.8 and ignores a clock jump`() {
        var statistics = ReceptionStatistics()
        // Every second packet comes 10 ms (900 ticks) late: |D| is 900 each time, so J tends to 900.
        for number in 0..<500 as Range<UInt64> {
            let late: Int64 = number % 2 == 0 ? 0 : 10
            _ = feed(
                &statistics, number, timestamp: UInt32(number) * 3_000, at: Int64(number) * 100 / 3 + late)
        }
        #expect((800...1000).contains(statistics.jitter))
        let before = statistics.jitter
        _ = feed(&statistics, 500, timestamp: 4_000_000_000, at: 17_000)
        #expect(statistics.jitter == before)
    }

    @Test func `LSR and DLSR say when the last sender report came (§6.4.1)`() throws {
        var statistics = ReceptionStatistics()
        _ = feed(&statistics, 1)
        let made = statistics.makeReport(
            for: SSRC(rawValue: 5), lastSR: (middle: 0xABCD, arrival: Instant(nanoseconds: 1_000_000_000)),
            at: Instant(nanoseconds: 2_500_000_000))
        let report = try #require(made)
        #expect(report.lastSR == 0xABCD)
        #expect(report.delaySinceLastSR == 98_304)
    }

    @Test func `has nothing to report before the first packet, and of a silent source (§6.4)`() {
        var statistics = ReceptionStatistics()
        let none = statistics.makeReport(for: SSRC(rawValue: 5), lastSR: nil, at: .zero)
        _ = feed(&statistics, 1)
        let one = statistics.makeReport(for: SSRC(rawValue: 5), lastSR: nil, at: .zero)
        let silent = statistics.makeReport(for: SSRC(rawValue: 5), lastSR: nil, at: .zero)
        #expect(none == nil && one != nil && silent == nil)
    }
}
