import SigmaCore
import SigmaWire
import Testing

@Suite("ReceptionStatistics: RFC 3550 A.1, A.3, A.8")
struct ReceptionStatisticsTests {
    private func feed(
        _ statistics: inout ReceptionStatistics, _ number: UInt16, timestamp: UInt32 = 0,
        at milliseconds: Int64 = 0
    ) -> ReceptionStatistics.Verdict {
        statistics.receive(
            number, timestamp: timestamp, arrival: Instant(nanoseconds: milliseconds * 1_000_000),
            clockRate: 90_000)
    }

    @Test func `believes an announced source at once and another after two packets in order`() {
        var announced = ReceptionStatistics(isAnnounced: true)
        do {
            let verdict = feed(&announced, 7)
            #expect(verdict == .valid(0x1_0007))
        }
        var unknown = ReceptionStatistics(isAnnounced: false)
        do {
            let verdict = feed(&unknown, 7)
            #expect(verdict == .probation)
        }
        do {
            let verdict = feed(&unknown, 90)
            #expect(verdict == .probation)
        }
        do {
            let verdict = feed(&unknown, 91)
            #expect(verdict == .valid(0x1_005B))
        }
    }

    @Test func `continues over the wrap and takes late packets for what they are`() {
        var statistics = ReceptionStatistics(isAnnounced: true)
        _ = feed(&statistics, 65_534)
        do {
            let verdict = feed(&statistics, 1)
            #expect(verdict == .valid(0x2_0001))
        }
        do {
            let verdict = feed(&statistics, 65_535)
            #expect(verdict == .valid(0x1_FFFF))
        }
        #expect(statistics.highestIndex == 0x2_0001)
        #expect(statistics.cumulativeLost == 1)
    }

    @Test func `a jump is believed when the next number follows it (A.1)`() {
        var statistics = ReceptionStatistics(isAnnounced: true)
        _ = feed(&statistics, 100)
        do {
            let verdict = feed(&statistics, 40_000)
            #expect(verdict == .suspicious)
        }
        do {
            let verdict = feed(&statistics, 101)
            #expect(verdict == .valid(0x1_0065))
        }
        do {
            let verdict = feed(&statistics, 40_000)
            #expect(verdict == .suspicious)
        }
        do {
            let verdict = feed(&statistics, 40_001)
            #expect(verdict == .valid(0x2_9C41))
        }
        #expect(statistics.restarts == 1)
        do {
            let verdict = feed(&statistics, 40_002)
            #expect(verdict == .valid(0x2_9C42))
        }
    }

    @Test func `reports the fraction of the interval and the losses of all time (A.3)`() throws {
        var statistics = ReceptionStatistics(isAnnounced: true)
        let ssrc = SSRC(rawValue: 5)
        for number in 0..<100 as Range<UInt16> where number % 4 != 3 { _ = feed(&statistics, number) }
        _ = feed(&statistics, 100)
        let firstReport = statistics.makeReport(for: ssrc, lastSR: nil, at: .zero)
        let first = try #require(firstReport)
        // 101 expected, 25 of them lost.
        #expect(first.fractionLost == UInt8(25 * 256 / 101))
        #expect(first.cumulativeLost == 25)
        #expect(first.highestSequenceNumber == 100)
        for number in 101..<111 as Range<UInt16> { _ = feed(&statistics, number) }
        let secondReport = statistics.makeReport(for: ssrc, lastSR: nil, at: .zero)
        let second = try #require(secondReport)
        #expect(second.fractionLost == 0)
        #expect(second.cumulativeLost == 25)
    }

    @Test func `duplicates make the cumulative loss negative, not huge (A.3)`() throws {
        var statistics = ReceptionStatistics(isAnnounced: true)
        for _ in 0..<3 { _ = feed(&statistics, 9) }
        let made = statistics.makeReport(for: SSRC(rawValue: 5), lastSR: nil, at: .zero)
        let report = try #require(made)
        #expect(report.cumulativeLost == -2)
        #expect(report.fractionLost == 0)
    }

    @Test func `jitter follows A.8 and ignores a clock jump`() {
        var statistics = ReceptionStatistics(isAnnounced: true)
        // Every second packet comes 10 ms (900 ticks) late: |D| is 900 each time, so J tends to 900.
        for number in 0..<500 as Range<UInt16> {
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
        var statistics = ReceptionStatistics(isAnnounced: true)
        _ = feed(&statistics, 1)
        let made = statistics.makeReport(
            for: SSRC(rawValue: 5), lastSR: (middle: 0xABCD, arrival: Instant(nanoseconds: 1_000_000_000)),
            at: Instant(nanoseconds: 2_500_000_000))
        let report = try #require(made)
        #expect(report.lastSR == 0xABCD)
        #expect(report.delaySinceLastSR == 98_304)
    }

    @Test func `has nothing to report before the first packet`() {
        var statistics = ReceptionStatistics(isAnnounced: true)
        let report = statistics.makeReport(for: SSRC(rawValue: 5), lastSR: nil, at: .zero)
        #expect(report == nil)
    }
}
