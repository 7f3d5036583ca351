import SigmaCore
import SigmaWire
import Testing

@Suite("MediaTimeline: RFC 3550 §6.4.1")
struct MediaTimelineTests {
    private let second: Int64 = 1_000_000_000

    private func report(ntpSeconds: Int64, fraction: Int64 = 0, timestamp: UInt32) -> SenderInfo {
        SenderInfo(
            ssrc: SSRC(rawValue: 1), ntp: NTPTimestamp(unixNanoseconds: ntpSeconds * second + fraction),
            rtpTimestamp: timestamp, packetCount: 0, octetCount: 0)
    }

    @Test func `stands at the earliest arrival until a report comes`() {
        var timeline = MediaTimeline()
        timeline.observe(timestamp: 0, arrival: Instant(nanoseconds: 10 * second), clockRate: 90_000)
        // 100 ms of media later it came 80 ms later: the first one had been late.
        timeline.observe(
            timestamp: 9_000, arrival: Instant(nanoseconds: 10 * second + 80_000_000), clockRate: 90_000)
        #expect(timeline.time(of: 9_000, clockRate: 90_000).nanoseconds == 10 * second + 80_000_000)
        timeline.observe(timestamp: 18_000, arrival: Instant(nanoseconds: 11 * second), clockRate: 90_000)
        #expect(timeline.time(of: 18_000, clockRate: 90_000).nanoseconds == 10 * second + 180_000_000)
    }

    @Test func `puts audio and video of a session where the sender's clock has them`() {
        var audio = MediaTimeline()
        var video = MediaTimeline()
        var offset: Int64?
        // Both were sampled in the same moment, but video took 300 ms longer to arrive.
        audio.observe(timestamp: 48_000, arrival: Instant(nanoseconds: 5 * second), clockRate: 48_000)
        video.observe(
            timestamp: 900_000, arrival: Instant(nanoseconds: 5 * second + 300_000_000), clockRate: 90_000)
        audio.observe(
            report(ntpSeconds: 1_700_000_000, timestamp: 48_000), arrival: Instant(nanoseconds: 5 * second),
            clockRate: 48_000, offset: &offset)
        video.observe(
            report(ntpSeconds: 1_700_000_000, timestamp: 900_000), arrival: Instant(nanoseconds: 6 * second),
            clockRate: 90_000, offset: &offset)
        let a = audio.time(of: 48_000 + 4_800, clockRate: 48_000).nanoseconds
        let v = video.time(of: 900_000 + 9_000, clockRate: 90_000).nanoseconds
        #expect(abs(a - v) < 1_000)
        #expect(abs(a - (5 * second + 100_000_000)) < 1_000)
    }

    @Test func `ignores a report older than the last`() {
        var timeline = MediaTimeline()
        var offset: Int64?
        let now = Instant(nanoseconds: second)
        timeline.observe(
            report(ntpSeconds: 100, timestamp: 9_000), arrival: now, clockRate: 90_000, offset: &offset)
        let isNews = timeline.observe(
            report(ntpSeconds: 99, timestamp: 1), arrival: now, clockRate: 90_000, offset: &offset)
        #expect(!isNews)
        #expect(timeline.time(of: 9_000, clockRate: 90_000) == now)
    }

    @Test func `a report without a wall clock says nothing (RFC 3550 §6.4.1)`() {
        var timeline = MediaTimeline()
        var offset: Int64?
        let info = SenderInfo(
            ssrc: SSRC(rawValue: 1), ntp: NTPTimestamp(rawValue: 0), rtpTimestamp: 9, packetCount: 0,
            octetCount: 0)
        let isNews = timeline.observe(
            info, arrival: Instant(nanoseconds: second), clockRate: 90_000, offset: &offset)
        #expect(!isNews && offset == nil && !timeline.isKnown)
    }

    /// A packet each `interval` ns for `duration`, from a clock that runs at `rate` Hz for our 90 000.
    private func play(
        _ timeline: inout MediaTimeline, for duration: Int64, each interval: Int64, rate: Int64
    ) -> (timestamp: UInt32, arrival: Instant) {
        var last = (timestamp: UInt32(0), arrival: Instant.zero)
        for time in stride(from: second, through: duration, by: Int(interval)) {
            last.timestamp = UInt32(truncatingIfNeeded: Int128(time) * Int128(rate) / 1_000_000_000)
            last.arrival = Instant(nanoseconds: time)
            timeline.observe(timestamp: last.timestamp, arrival: last.arrival, clockRate: 90_000)
        }
        return last
    }

    @Test(arguments: [90_000, 89_991, 90_009] as [Int64])
    func `without reports it follows arrival over days, wraps and a clock that drifts`(rate: Int64) {
        var timeline = MediaTimeline()
        let last = play(&timeline, for: 3 * 86_400 * second, each: 250_000_000, rate: rate)
        let error = timeline.time(of: last.timestamp, clockRate: 90_000) - last.arrival
        // Two windows at 100 ppm.
        #expect(abs(error.nanoseconds) <= 6_000_000, "\(error.nanoseconds) ns")
    }

    @Test func `when reports end it goes on along the last one, over the wrap`() {
        var timeline = MediaTimeline()
        var offset: Int64?
        timeline.observe(
            report(ntpSeconds: 1_000, timestamp: 90_000), arrival: Instant(nanoseconds: second),
            clockRate: 90_000, offset: &offset)
        let last = play(&timeline, for: 20 * 3_600 * second, each: second, rate: 90_000)
        #expect(timeline.followsSenderReports)
        #expect(
            abs((timeline.time(of: last.timestamp, clockRate: 90_000) - last.arrival).nanoseconds) < 1_000)
    }

    @Test func `a drift of the sender's clock is taken back before it adds up`() {
        var timeline = MediaTimeline()
        var offset: Int64?
        var largest: Int64 = 0
        for count in 1...200_000 as ClosedRange<Int64> {
            // A report a second, the sender 100 ppm fast: 20 s in all.
            let sender = count * (second + 100_000)
            let timestamp = UInt32(truncatingIfNeeded: Int128(sender) * 90_000 / 1_000_000_000)
            let arrival = Instant(nanoseconds: count * second)
            timeline.observe(
                report(ntpSeconds: 1_000, fraction: sender, timestamp: timestamp), arrival: arrival,
                clockRate: 90_000, offset: &offset)
            let error = timeline.time(of: timestamp, clockRate: 90_000) - arrival
            largest = max(largest, abs(error.nanoseconds))
        }
        #expect(largest < 110_000_000)
    }

    @Test func `timestamps that jump are told, once`() {
        var timeline = MediaTimeline()
        let told = [(0, 1_000), (3_000, 1_033), (2_000_000_000, 1_066), (2_000_003_000, 1_100)].map {
            timeline.observe(
                timestamp: UInt32($0.0), arrival: Instant(nanoseconds: $0.1 * 1_000_000), clockRate: 90_000)
        }
        #expect(told == [true, true, false, true])
    }

    @Test func `timestamp and time are inverse over the wrap and after a month`() {
        var timeline = MediaTimeline()
        timeline.observe(
            timestamp: UInt32.max - 100, arrival: Instant(nanoseconds: 30 * 86_400 * second),
            clockRate: 90_000)
        let later = Instant(nanoseconds: 30 * 86_400 * second + 2 * second)
        let timestamp = timeline.timestamp(at: later, clockRate: 90_000)
        #expect(timestamp == 180_000 - 101)
        #expect(timeline.time(of: timestamp, clockRate: 90_000) == later)
    }

    @Test func `extreme report times do not trap`() {
        var timeline = MediaTimeline()
        var offset: Int64?
        for ntp in [0, UInt64.max, 1 << 63, 1] {
            let info = SenderInfo(
                ssrc: SSRC(rawValue: 1), ntp: NTPTimestamp(rawValue: ntp), rtpTimestamp: .max, packetCount: 0,
                octetCount: 0)
            timeline.observe(info, arrival: Instant(nanoseconds: .max), clockRate: 90_000, offset: &offset)
            _ = timeline.time(of: 0, clockRate: 90_000)
            _ = timeline.timestamp(at: Instant(nanoseconds: .min), clockRate: 90_000)
        }
        #expect(timeline.followsSenderReports)
    }
}
