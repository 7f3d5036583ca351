import SigmaCore
import SigmaWire
import Testing

@Suite("ReceptionStatistics: RFC 3550 A.1, A.3, A.8")
struct ReceptionStatisticsTests {
    private func feed(
        _ statistics: inout ReceptionStatistics, _ number: UInt16, timestamp: UInt32 = 0,
        at milliseconds: Int64 = 0
    ) -> ReceptionStatistics.Reception {
        statistics.receive(
            number, timestamp: timestamp, arrival: Instant(nanoseconds: milliseconds * 1_000_000),
            clockRate: 90_000)
    }

    @Test func `believes the first packet, since it is authentic`() {
        var statistics = ReceptionStatistics()
        let first = feed(&statistics, 7)
        #expect(first == .init(index: 0x1_0007, isJump: false))
    }

    @Test func `continues over the wrap and takes late packets for what they are`() {
        var statistics = ReceptionStatistics()
        _ = feed(&statistics, 65_534)
        let next = feed(&statistics, 1)
        #expect(next == .init(index: 0x2_0001, isJump: false))
        let late = feed(&statistics, 65_535)
        #expect(late == .init(index: 0x1_FFFF, isJump: false))
        #expect(statistics.highestIndex == 0x2_0001)
        #expect(statistics.cumulativeLost == 1)
    }

    @Test(
        arguments: [
            (2_999, false), (3_000, true), (20_000, true), (40_000, true), (64_512, true), (64_513, false),
            (65_533, false),
        ] as [(UInt16, Bool)])
    func `a gap of 3000 is a jump, up to where the replay window begins (A.1, RFC 3711 §3.3.2)`(
        ahead: UInt16, isJump: Bool
    ) {
        var statistics = ReceptionStatistics()
        _ = feed(&statistics, 100)
        _ = feed(&statistics, 102)
        let there = feed(&statistics, 102 &+ ahead)
        let index = 0x1_0066 + UInt64(ahead) - (ahead > 64_512 ? 0x1_0000 : 0)
        #expect(there == .init(index: index, isJump: isJump))
        // Behind a jump it is counted anew.
        #expect(statistics.cumulativeLost == (isJump ? 0 : ahead < 3_000 ? Int32(ahead) : 1))
    }

    @Test func `what stood before the first packet and comes after it was never expected`() {
        var statistics = ReceptionStatistics()
        _ = feed(&statistics, 10)
        _ = feed(&statistics, 9)
        _ = feed(&statistics, 11)
        #expect(statistics.cumulativeLost == 0)
        #expect(statistics.highestIndex == 0x1_000B)
    }

    @Test func `reports the fraction of the interval and the losses of all time (A.3)`() throws {
        var statistics = ReceptionStatistics()
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
