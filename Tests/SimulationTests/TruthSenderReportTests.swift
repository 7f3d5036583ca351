import SigmaCore
import SigmaEngine
import SigmaTestKit
import SigmaWire
import Testing

@Suite("Truth: what viewers are told (RFC 3550 §6.4.1, §6.1)")
struct TruthSenderReportTests {
    /// A publisher whose two media clocks and wall clock a test sets, and a viewer.
    private final class Broadcast {
        let rig: TruthRig
        let publisher: TruthRig.Member
        let viewer: TruthRig.Member
        /// The sender's wall clock less the rig's, ns.
        var wallClock: Int64 = 1_500_000_000_000_000_000
        var sendsReports = true
        var hasWallClock = true
        /// RTP time of the rig's zero.
        var offsets: [UInt32] = [3_000_000_000, 4_294_967_000]
        var random = SplitMix64(seed: 17)
        private var numbers: [UInt16] = [65_000, 30_000]
        private var nextReport: Int64 = 0

        static let rates: [Int64] = [48_000, 90_000]
        static let ssrcs: [UInt32] = [70, 71]
        static let out: [UInt32] = [5, 6]

        init() throws {
            rig = try TruthRig()
            publisher = try rig.join(
                .publisher,
                [
                    TruthRig.line(.audio, mid: "a", payloadType: 111, ssrc: 70),
                    TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: 71),
                ])
            viewer = try rig.join(
                .viewer,
                [
                    TruthRig.line(.audio, mid: "0", payloadType: 96, ssrc: 5),
                    TruthRig.line(.video, mid: "1", payloadType: 97, ssrc: 6),
                ], cname: "one stream")
        }

        func rtp(_ medium: Int, at time: Int64) -> UInt32 {
            offsets[medium]
                &+ UInt32(truncatingIfNeeded: Int128(time) * Int128(Self.rates[medium]) / 1_000_000_000)
        }

        private func send(_ medium: Int, _ payload: [UInt8], sampledAt time: Int64) {
            rig.send(
                RTPFixture(
                    payloadType: medium == 0 ? 111 : 102, sequenceNumber: numbers[medium],
                    timestamp: rtp(medium, at: time), ssrc: Self.ssrcs[medium], payload: payload),
                from: publisher)
            numbers[medium] &+= 1
        }

        /// A second of audio and video that arrive late by a fixed and a varying time, reports each 700 ms.
        func second(audioDelay: Int64 = 20_000_000, videoDelay: Int64 = 180_000_000) {
            for frame in 0..<25 {
                let jitter = Int64.random(in: 0...9_000_000, using: &random)
                rig.run(for: 30_000_000 + jitter)
                send(0, [0xFC, 1], sampledAt: rig.now - audioDelay)
                send(
                    1,
                    frame == 0
                        ? [0x78, 0, 25] + Picture.sps + [0, 5] + Picture.pps + [0, 3, 0x65, 1, 2]
                        : Picture.other(3), sampledAt: rig.now - videoDelay)
                rig.run(for: 10_000_000 - jitter)
                guard sendsReports, rig.now >= nextReport else { continue }
                nextReport = rig.now + 700_000_000
                for medium in 0..<2 { report(medium) }
            }
        }

        func report(_ medium: Int) {
            let ntp = hasWallClock ? NTPTimestamp(unixNanoseconds: wallClock + rig.now).rawValue : 0
            rig.sendRTCP(
                RTCPFixture.senderReport(Self.ssrcs[medium], ntp: ntp, rtp: rtp(medium, at: rig.now)),
                from: publisher)
        }

        /// How much later than it was sampled (on the rig's clock) a viewer believes a medium to be, by each
        /// sender report it got, ns.
        func lags(_ medium: Int, since: Int64 = 0) -> [Int64] {
            viewer.rtcp.compactMap { datagram -> Int64? in
                guard let info = datagram.senderInfo, info.ssrc.rawValue == Self.out[medium],
                    datagram.at >= since, let shift = shift(medium)
                else { return nil }
                // The moment at which the source sampled what the report names, near the time of the report.
                let wanted = info.rtpTimestamp &- shift
                let ticks = Int64(Int32(bitPattern: wanted &- rtp(medium, at: datagram.at)))
                let sampled = datagram.at + ticks * 1_000_000_000 / Self.rates[medium]
                let played =
                    info.ntp.nanoseconds - NTPTimestamp(unixNanoseconds: TruthRig.wallClockOffset).nanoseconds
                return played - sampled
            }
        }

        /// What is added to the source's timestamps on their way to the viewer.
        func shift(_ medium: Int) -> UInt32? {
            guard let packet = viewer.rtp.last(where: { $0.ssrc == Self.out[medium] }) else { return nil }
            let sampled = packet.at - (medium == 0 ? 20_000_000 : 180_000_000)
            return packet.timestamp &- rtp(medium, at: sampled)
        }
    }

    /// A tick of each clock, and the rounding of NTP.
    private static let exact: Int64 = 1_000_000_000 / 48_000 + 1_000_000_000 / 90_000 + 10

    @Test func `audio and video keep the distance of the sender to a tick (§6.4.1)`() throws {
        let broadcast = try Broadcast()
        for _ in 0..<20 { broadcast.second() }
        let settled = broadcast.rig.now - 17_000_000_000
        let audio = broadcast.lags(0, since: settled)
        let video = broadcast.lags(1, since: settled)
        #expect(audio.count >= 6 && video.count >= 6)
        let reference = try #require(audio.first)
        for lag in audio + video { #expect(abs(lag - reference) <= Self.exact, "\(lag - reference) ns") }
        // And it is our time: no further from now than the way of the packets.
        #expect(abs(reference) < 200_000_000)
    }

    @Test(arguments: [3_600_000_000_000, -3_600_000_000_000, 400_000_000, -2_000_000_000] as [Int64])
    func `a wall clock that is set moves nothing (§6.4.1)`(step: Int64) throws {
        let broadcast = try Broadcast()
        for _ in 0..<6 { broadcast.second() }
        let before = try #require(broadcast.lags(0).last)
        broadcast.wallClock += step
        let stepped = broadcast.rig.now
        for _ in 0..<12 { broadcast.second() }
        let after = broadcast.lags(0, since: stepped) + broadcast.lags(1, since: stepped)
        #expect(after.count >= 8)
        for lag in after { #expect(abs(lag - before) <= 2 * Self.exact, "\(lag - before) ns") }
        // The publisher's round trip goes on with its new clock.
        let last = try #require(broadcast.publisher.rtcp.flatMap(\.reportBlocks).last)
        #expect(last.delaySinceLastSR < 65_536)
    }

    @Test func `a media clock that begins anew leaves the other one where it was`() throws {
        let broadcast = try Broadcast()
        for _ in 0..<6 { broadcast.second() }
        let before = try #require(broadcast.lags(0).last)
        broadcast.offsets[1] &+= 2_000_000_000
        for _ in 0..<4 { broadcast.second() }
        let settled = broadcast.rig.now
        for _ in 0..<8 { broadcast.second() }
        let after = broadcast.lags(0, since: settled) + broadcast.lags(1, since: settled)
        #expect(after.count >= 4)
        for lag in after { #expect(abs(lag - before) <= 2 * Self.exact, "\(lag - before) ns") }
    }

    @Test func `without a sender's wall clock reports go by arrival (§6.4.1)`() throws {
        let broadcast = try Broadcast()
        broadcast.hasWallClock = false
        for _ in 0..<8 { broadcast.second() }
        let audio = broadcast.lags(0)
        let video = broadcast.lags(1)
        #expect(audio.count >= 2 && video.count >= 2)
        for lag in audio { #expect(abs(lag - 20_000_000) < 1_000_000) }
        for lag in video { #expect(abs(lag - 180_000_000) < 1_000_000) }
    }

    @Test func `packets and payload octets are those sent to this viewer (§6.4.1)`() throws {
        let broadcast = try Broadcast()
        for _ in 0..<8 { broadcast.second() }
        var compared = 0
        for datagram in broadcast.viewer.rtcp {
            guard let info = datagram.senderInfo else { continue }
            let sent = broadcast.viewer.rtp.filter { $0.ssrc == info.ssrc.rawValue && $0.at <= datagram.at }
            // A packet of the same instant may have come behind the report.
            let earlier = sent.filter { $0.at < datagram.at }
            #expect((earlier.count...sent.count).contains(Int(info.packetCount)))
            let octets = (
                earlier.reduce(0) { $0 + $1.payload.count }, sent.reduce(0) { $0 + $1.payload.count }
            )
            #expect((octets.0...octets.1).contains(Int(info.octetCount)))
            compared += 1
        }
        #expect(compared >= 6)
    }

    @Test func `reports are compound, with one CNAME for audio and video, in time (§6.1, §6.2)`() throws {
        let broadcast = try Broadcast()
        for _ in 0..<15 { broadcast.second() }
        for medium in 0..<2 {
            let reports = broadcast.viewer.rtcp.filter { $0.sender == Broadcast.out[medium] }
            let first = try #require(reports.first)
            let began = try #require(
                broadcast.viewer.rtp.first { $0.ssrc == Broadcast.out[medium] })
            #expect(first.at - began.at <= 1_000_000_000)
            for (earlier, later) in zip(reports, reports.dropFirst()) {
                #expect((1_000_000_000...3_030_000_000).contains(later.at - earlier.at))
            }
            for report in reports {
                #expect(report.types == [200, 202])
                #expect(report.cname?.text == "one stream")
                #expect(report.cname?.ssrc == report.sender)
            }
        }
    }

    @Test func `a source that is silent, or a viewer that is paused, gets no reports after 2 s`() throws {
        let broadcast = try Broadcast()
        for _ in 0..<3 { broadcast.second() }
        try broadcast.rig.setPaused(true, broadcast.viewer)
        let paused = broadcast.rig.now
        for _ in 0..<5 { broadcast.second() }
        #expect(broadcast.viewer.rtcp.allSatisfy { $0.at < paused + 2_000_000_000 })
        try broadcast.rig.setPaused(false, broadcast.viewer)
        for _ in 0..<3 { broadcast.second() }
        let silent = broadcast.rig.now
        #expect(broadcast.viewer.rtcp.contains { $0.at > paused + 5_000_000_000 })
        broadcast.rig.run(for: 10_000_000_000)
        #expect(broadcast.viewer.rtcp.allSatisfy { $0.at < silent + 2_000_000_000 })
    }
}
