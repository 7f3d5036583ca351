import SigmaCore
import Testing

/// A sender at a rate over a path that loses some of it.
private struct Sending {
    var estimate = ReceivedBitrateEstimate()
    var totals = ReceivedBitrateEstimate.Totals(octets: 0, packets: 0, lost: 0)
    var now = Instant(nanoseconds: 1_000_000_000)
    var told: [(at: Instant, bitrate: UInt64)] = []

    /// - Parameters:
    ///   - packets: Of 1000 octets, a second.
    ///   - lost: Of these, per cent.
    mutating func run(seconds: Int, packets: Int64, lost: Int64) {
        for step in 0..<Int64(seconds * 50) {
            let sent = (step + 1) * packets / 50 - step * packets / 50
            let missing = (step + 1) * packets * lost / 5000 - step * packets * lost / 5000
            totals.packets += sent - missing
            totals.lost += missing
            totals.octets += UInt64(max(0, sent - missing)) * 1000
            now = now + .milliseconds(20)
            if let bitrate = estimate.update(totals, at: now) { told.append((now, bitrate)) }
        }
    }
}

@Suite("ReceivedBitrateEstimate: draft-alvestrand-rmcat-remb-03")
struct ReceivedBitrateEstimateTests {
    @Test func `without loss it rises to half as much again as comes`() throws {
        var sending = Sending()
        sending.run(seconds: 30, packets: 250, lost: 0)
        #expect(sending.told.first?.bitrate == 3_000_000)
        #expect(sending.estimate.bitrate == 3_000_000)
        sending.run(seconds: 30, packets: 500, lost: 1)
        let bitrate = try #require(sending.estimate.bitrate)
        #expect((5_700_000...6_000_000).contains(bitrate))
    }

    @Test func `a sender that sends little keeps room`() {
        var sending = Sending()
        sending.run(seconds: 20, packets: 10, lost: 0)
        #expect(sending.estimate.bitrate == ReceivedBitrateEstimate.start)
    }

    @Test func `a sender that follows it gets from 300 kbit/s to 3 Mbit/s in half a minute`() {
        var sending = Sending()
        sending.run(seconds: 1, packets: 38, lost: 0)
        for _ in 0..<30 {
            sending.run(seconds: 1, packets: Int64((sending.estimate.bitrate ?? 300_000) / 8000), lost: 0)
        }
        #expect((sending.estimate.bitrate ?? 0) > 3_000_000)
    }

    @Test func `it falls below what comes when more than a tenth is lost, and says so at once`() throws {
        var sending = Sending()
        sending.run(seconds: 5, packets: 250, lost: 0)
        let before = sending.told.count
        let began = sending.now
        sending.run(seconds: 1, packets: 250, lost: 20)
        let fall = try #require(sending.told.dropFirst(before).first { $0.bitrate < 3_000_000 })
        #expect(fall.at - began <= .milliseconds(540))
        // 80 % of 2 Mbit/s came, and a tenth less than that is told.
        #expect((1_400_000...1_500_000).contains(fall.bitrate))
    }

    @Test func `between two and ten per cent it stays`() {
        var sending = Sending()
        sending.run(seconds: 5, packets: 250, lost: 0)
        sending.run(seconds: 10, packets: 250, lost: 5)
        #expect(sending.estimate.bitrate == 3_000_000)
    }

    @Test func `never below its floor nor above its ceiling`() {
        var sending = Sending()
        sending.run(seconds: 60, packets: 100, lost: 60)
        #expect(sending.estimate.bitrate == ReceivedBitrateEstimate.floor)
        sending.run(seconds: 60, packets: 20_000, lost: 0)
        #expect(sending.estimate.bitrate == ReceivedBitrateEstimate.ceiling)
    }

    @Test func `is told once a second while nothing changes, and in silence too`() {
        var sending = Sending()
        sending.run(seconds: 10, packets: 250, lost: 0)
        #expect((8...11).contains(sending.told.count))
        let before = sending.told.count
        sending.run(seconds: 10, packets: 0, lost: 0)
        #expect((8...11).contains(sending.told.count - before))
        #expect(sending.estimate.bitrate == 3_000_000)
    }

    @Test func `counting that begins anew is no loss`() {
        var sending = Sending()
        sending.run(seconds: 5, packets: 250, lost: 0)
        sending.totals.packets = 0
        sending.totals.lost = 0
        sending.run(seconds: 5, packets: 250, lost: 0)
        #expect(sending.estimate.bitrate == 3_000_000)
    }
}
