import SigmaCore
import SigmaEngine
import SigmaTestKit
import SigmaWire
import Testing

@Suite("Truth: no viewer's index is given twice (RFC 3711 §9.1)")
struct TruthIndexTests {
    private static let foreign: UInt8 = 50

    /// A publisher of one audio and one video stream that does what it likes.
    private final class Broadcast {
        let rig: TruthRig
        let publisher: TruthRig.Member
        private(set) var viewers: [TruthRig.Member] = []
        private var tag: UInt32 = 0

        init(viewers count: Int) throws {
            rig = try TruthRig()
            publisher = try rig.join(
                .publisher,
                [
                    TruthRig.line(.audio, mid: "a", payloadType: 111, ssrc: 71),
                    TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: 81),
                ])
            for _ in 0..<count {
                let ssrc = UInt32(viewers.count * 2)
                viewers.append(
                    try rig.join(
                        .viewer,
                        [
                            TruthRig.line(.audio, mid: "0", payloadType: 96, ssrc: 5 + ssrc),
                            TruthRig.line(.video, mid: "1", payloadType: 97, ssrc: 6 + ssrc),
                        ]))
            }
        }

        /// A packet that no other is like, encrypted.
        func packet(_ ssrc: UInt32, _ payloadType: UInt8, _ number: UInt16, isEmpty: Bool = false) -> [UInt8]
        {
            tag += 1
            var payload: [UInt8] = []
            if !isEmpty {
                // Every picture is whole: SPS, PPS and IDR in one STAP-A (RFC 6184 §5.7.1).
                if payloadType == 102 {
                    payload = [0x78]
                    for unit in [Picture.sps, Picture.pps] { payload += [0, UInt8(unit.count)] + unit }
                    payload += [0, 6, 0x65, 0x88]
                }
                payload.append(bigEndian: tag)
            }
            return rig.protect(
                RTPFixture(
                    payloadType: payloadType, sequenceNumber: number, timestamp: tag &* 960, ssrc: ssrc,
                    payload: payload, padding: isEmpty ? 8 : 0
                ).octets, by: publisher)
        }

        func send(_ ssrc: UInt32, _ payloadType: UInt8, _ number: UInt16, isEmpty: Bool = false) {
            rig.deliver(packet(ssrc, payloadType, number, isEmpty: isEmpty), from: publisher)
        }

        /// Indices under which a viewer got two packets.
        var reused: [UInt64] {
            viewers.flatMap { viewer in
                var seen: [UInt32: [UInt64: ReceivedRTP]] = [:]
                return viewer.rtp.compactMap { packet in
                    let before = seen[packet.ssrc, default: [:]].updateValue(packet, forKey: packet.index)
                    let isSame =
                        before?.payload == packet.payload && before?.timestamp == packet.timestamp
                        && before?.payloadType == packet.payloadType
                    return before == nil || isSame ? nil : packet.index
                }
            }
        }
    }

    @Test(arguments: [0, 1, 5, 1_000] as [UInt16])
    func `numbers that come round behind packets of no stream are new indices`(back: UInt16) throws {
        let broadcast = try Broadcast(viewers: 1)
        for number in 20_000..<22_000 as Range<UInt16> where number % 3 != 1 || number == 21_999 - back {
            broadcast.send(71, 111, number)
        }
        // Authentic and of the stream's SSRC, but of a payload type that is not its own.
        for number in [45_000, 5_000] as [UInt16] { broadcast.send(71, Self.foreign, number) }
        broadcast.send(71, 111, 21_999 - back)
        broadcast.send(71, 111, 22_000)
        #expect(broadcast.reused.isEmpty)
        #expect(broadcast.viewers[0].undecryptable == 0)
        #expect(broadcast.viewers[0].rtp.count >= 1_335)
        #expect(broadcast.rig.counters.rtpUnbound == 2)
    }

    @Test func `gaps around packets that are not for viewers do not add up until a wrap is hidden`() throws {
        let broadcast = try Broadcast(viewers: 1)
        var number: UInt16 = 7
        broadcast.send(71, 111, number)
        for _ in 0..<40 {
            number &+= 2_900
            broadcast.send(71, 111, number, isEmpty: true)
        }
        for _ in 0..<40 {
            number &+= 1
            broadcast.send(71, 111, number)
        }
        let viewer = broadcast.viewers[0]
        #expect(viewer.undecryptable == 0)
        #expect(viewer.rtp.count == 41)
        #expect(broadcast.reused.isEmpty)
    }

    private struct Source {
        let payloadType: UInt8
        let ssrcs: [UInt32]
        var ssrc: UInt32
        var numbers: [UInt32: UInt16] = [:]
        /// Numbers that were sent, to come round to.
        var used: [UInt16] = [0]

        init(_ payloadType: UInt8, _ ssrcs: [UInt32]) {
            self.payloadType = payloadType
            self.ssrcs = ssrcs
            ssrc = ssrcs[0]
        }
    }

    /// One thing that a publisher may do.
    private func act(
        _ source: inout Source, _ held: inout [[UInt8]], _ broadcast: Broadcast, _ random: inout SplitMix64
    ) throws {
        var number = source.numbers[source.ssrc, default: 40_000]
        let choice = Int.random(in: 0..<100, using: &random)
        switch choice {
        case 0..<60: number &+= 1
        case 60..<68: number &+= UInt16.random(in: 2...60, using: &random)
        case 68..<72: number &+= UInt16.random(in: 2_900...3_100, using: &random)
        case 72..<74: number &+= UInt16.random(in: 3_000...32_000, using: &random)
        case 74..<80:
            // To a number that was there before, on foreign packets.
            let goal =
                (source.used.randomElement(using: &random) ?? 0) &+ UInt16.random(in: 0...3, using: &random)
            while goal &- number > 30_000 {
                number &+= UInt16.random(in: 20_000...30_000, using: &random)
                broadcast.send(source.ssrc, Self.foreign, number)
            }
            if goal == number { number &+= 1 } else { number = goal }
        case 80..<82:
            broadcast.rig.run(for: 600_000_000)
            source.numbers[source.ssrc] = number
            source.ssrc = source.ssrcs.randomElement(using: &random) ?? source.ssrc
            number = source.numbers[source.ssrc, default: UInt16.random(in: 0...65_535, using: &random)] &+ 1
        case 82..<84:
            let viewer = broadcast.viewers.randomElement(using: &random) ?? broadcast.viewers[0]
            try broadcast.rig.setPaused(random.chance(0.4), viewer)
            number &+= 1
        default: number &+= 1
        }
        let payloadType = choice >= 97 ? Self.foreign : source.payloadType
        let datagram = broadcast.packet(
            source.ssrc, payloadType, number, isEmpty: (84..<97).contains(choice) && random.chance(0.7))
        source.numbers[source.ssrc] = number
        source.used.append(number)
        if random.chance(0.1) {
            held.append(datagram)
        } else {
            broadcast.rig.deliver(datagram, from: broadcast.publisher)
        }
        while held.count > 20 || (!held.isEmpty && random.chance(0.05)) {
            let late = held.remove(at: Int.random(in: 0..<held.count, using: &random))
            broadcast.rig.deliver(late, from: broadcast.publisher)
        }
    }

    @Test(arguments: UInt64(1)...16)
    func `loss, lateness, padding, jumps, foreign packets and other sources give no index twice`(
        seed: UInt64
    ) throws {
        let broadcast = try Broadcast(viewers: 3)
        var random = SplitMix64(seed: seed)
        var sources = [Source(111, [71, 72, 73]), Source(102, [81, 82])]
        var held: [[UInt8]] = []
        for _ in 0..<4_000 {
            let place = Int.random(in: 0..<sources.count, using: &random)
            try act(&sources[place], &held, broadcast, &random)
            broadcast.rig.run(for: 1_000_000)
        }
        #expect(broadcast.reused.isEmpty)
        for viewer in broadcast.viewers {
            #expect(viewer.undecryptable == 0)
            #expect(viewer.rtp.count > 500)
        }
    }
}
