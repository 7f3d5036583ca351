import SigmaCore
import SigmaEngine
import SigmaWire
import Testing

@Suite("Truth: where viewers begin and go on (RFC 6184 §8, RFC 3550 §5.1)")
struct TruthStreamTests {
    private static let out: UInt32 = 6

    private final class Broadcast {
        let rig: TruthRig
        let publisher: TruthRig.Member
        var number: UInt16 = 60_000
        var timestamp: UInt32 = 4_294_000_000
        var ssrc: UInt32 = 71

        init() throws {
            rig = try TruthRig()
            publisher = try rig.join(
                .publisher, [TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: 71)])
        }

        func viewer() throws -> TruthRig.Member {
            try rig.join(
                .viewer, [TruthRig.line(.video, mid: "1", payloadType: 97, ssrc: TruthStreamTests.out)])
        }

        /// Sends one picture; `order` says in which order its packets arrive.
        func picture(_ payloads: [[UInt8]], order: [Int]? = nil) {
            let datagrams = payloads.enumerated().map { place, payload in
                rig.protect(
                    RTPFixture(
                        payloadType: 102, sequenceNumber: number &+ UInt16(place), timestamp: timestamp,
                        ssrc: ssrc, payload: payload, marker: place == payloads.count - 1
                    ).octets, by: publisher)
            }
            number &+= UInt16(payloads.count)
            for place in order ?? Array(payloads.indices) { rig.deliver(datagrams[place], from: publisher) }
            timestamp &+= 3000
            rig.run(for: 33_333_333)
        }

        func keyframe(_ tag: UInt8, order: [Int]? = nil) {
            picture([Picture.sps, Picture.pps, Picture.idr(tag), Picture.idrEnd(tag)], order: order)
        }

        static let filler: UInt8 = 99

        /// Sends more than is kept since the last keyframe.
        func outgrowCache() {
            for _ in 0..<42 { picture(Array(repeating: Picture.other(Self.filler), count: 100)) }
        }

        /// When keyframes were asked for.
        var requests: [Int64] { publisher.rtcp.filter { $0.pictureLosses > 0 }.map(\.at) }
    }

    private func tags(_ viewer: TruthRig.Member) -> [UInt8] { viewer.rtp.compactMap(\.payload.last) }

    /// In the order of their numbers: gapless, timestamps never backwards.
    private func isContinuous(_ viewer: TruthRig.Member) -> Bool {
        guard let first = viewer.rtp.map(\.sequenceNumber).min() else { return false }
        let packets = viewer.rtp.sorted { $0.sequenceNumber < $1.sequenceNumber }
        return packets.enumerated().allSatisfy { $1.sequenceNumber == first + UInt16($0) }
            && zip(packets, packets.dropFirst()).allSatisfy {
                Int32(bitPattern: $1.timestamp &- $0.timestamp) >= 0
            }
    }

    private static let spsEnd = Picture.sps[Picture.sps.count - 1]
    private static let ppsEnd = Picture.pps[Picture.pps.count - 1]

    @Test func `a new source in mid-stream is forwarded from its keyframe on, which is asked for at once`()
        throws
    {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        broadcast.picture([Picture.other(2)])
        broadcast.rig.run(for: 600_000_000)
        let before = broadcast.requests.count
        let changed = broadcast.rig.now
        broadcast.ssrc = 72
        broadcast.number = 10
        broadcast.timestamp = 12_345
        broadcast.picture([Picture.other(3)])
        broadcast.picture([Picture.other(4)])
        #expect(tags(viewer) == [Self.spsEnd, Self.ppsEnd, 1, 1, 2])
        let request = try #require(broadcast.requests.dropFirst(before).first)
        #expect(request - changed <= 25_000_000)
        broadcast.keyframe(5)
        broadcast.picture([Picture.other(6)])
        #expect(tags(viewer).suffix(5) == [Self.spsEnd, Self.ppsEnd, 5, 5, 6])
        #expect(viewer.rtp.count == 10)
        #expect(isContinuous(viewer))
    }

    @Test(
        arguments: [(60_000, 3_000), (60_000, 20_000), (100, 40_000), (30_000, 29_000)] as [(UInt16, UInt16)])
    func `behind a large jump of the numbers viewers wait for a keyframe, others go on as they were (A.1)`(
        from: UInt16, jump: UInt16
    ) throws {
        let broadcast = try Broadcast()
        broadcast.number = from
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        let before = broadcast.requests.count
        broadcast.rig.run(for: 600_000_000)
        broadcast.number &+= jump
        broadcast.picture([Picture.other(3)])
        #expect(viewer.rtp.count == 4)
        #expect(broadcast.requests.count == before + 1)
        broadcast.keyframe(5)
        #expect(tags(viewer).suffix(4) == [Self.spsEnd, Self.ppsEnd, 5, 5])
        #expect(isContinuous(viewer))
    }

    @Test func `a gap shorter than a jump is passed on as it is`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        broadcast.number &+= 2_998
        broadcast.picture([Picture.other(3)])
        #expect(tags(viewer).last == 3)
        let numbers = viewer.rtp.map(\.sequenceNumber)
        #expect(numbers[4] &- numbers[3] == 2_999)
    }

    @Test func `timestamps that jump begin a stream anew as well`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        broadcast.timestamp &-= 90_000 * 3_600
        broadcast.picture([Picture.other(3)])
        #expect(viewer.rtp.count == 4)
        broadcast.keyframe(5)
        #expect(tags(viewer).suffix(4) == [Self.spsEnd, Self.ppsEnd, 5, 5])
        #expect(isContinuous(viewer))
    }

    @Test(arguments: [[2, 0, 1, 3], [3, 2, 1, 0], [2, 3, 0, 1], [0, 2, 3, 1], [1, 0, 3, 2]])
    func `a joiner gets the packets of its keyframe that overtook the parameter sets`(order: [Int]) throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.picture([Picture.other(9)])
        broadcast.keyframe(1, order: order)
        broadcast.picture([Picture.other(2)])
        let byNumber = viewer.rtp.sorted { $0.sequenceNumber < $1.sequenceNumber }
        #expect(byNumber.compactMap(\.payload.last) == [Self.spsEnd, Self.ppsEnd, 1, 1, 2])
        #expect(isContinuous(viewer))
    }

    @Test func `parameter sets with a timestamp of their own begin the keyframe behind them`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.picture([Picture.other(9)])
        broadcast.picture([Picture.sps])
        broadcast.picture([Picture.pps])
        broadcast.picture([Picture.idr(1), Picture.idrEnd(1)])
        #expect(tags(viewer) == [Self.spsEnd, Self.ppsEnd, 1, 1])
        #expect(isContinuous(viewer))
        broadcast.outgrowCache()
        let late = try broadcast.viewer()
        broadcast.picture([Picture.sps, Picture.pps, Picture.other(2)])
        broadcast.picture([Picture.idr(3)])
        // Between the sets and the IDR stands another picture: nobody can begin with that one. What is seen is the
        // still of the first.
        #expect(tags(late) == [Self.spsEnd, Self.ppsEnd, 1, 1])
    }

    @Test func `a bare IDR is a beginning for who has its parameter sets, of the stream or of a still`()
        throws
    {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        broadcast.outgrowCache()
        let joiner = try broadcast.viewer()
        try broadcast.rig.setPaused(true, viewer)
        broadcast.picture([Picture.other(2)])
        try broadcast.rig.setPaused(false, viewer)
        broadcast.picture([Picture.other(3)])
        broadcast.picture([Picture.idr(4), Picture.idrEnd(4)])
        let still = [Self.spsEnd, Self.ppsEnd, 1, 1]
        #expect(tags(joiner) == still + [4, 4])
        #expect(tags(viewer).filter { $0 != Broadcast.filler } == still + still + [4, 4])
        #expect(isContinuous(viewer) && isContinuous(joiner))
    }

    @Test func `a bare IDR is no beginning when new parameter sets came during the pause`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        try broadcast.rig.setPaused(true, viewer)
        broadcast.keyframe(2)
        broadcast.outgrowCache()
        try broadcast.rig.setPaused(false, viewer)
        broadcast.rig.settle()
        #expect(tags(viewer).suffix(4) == [Self.spsEnd, Self.ppsEnd, 2, 2])
        // They are those of the still now.
        broadcast.picture([Picture.sps, Picture.pps, Picture.other(3)])
        broadcast.picture([Picture.idr(4), Picture.idrEnd(4)])
        #expect(viewer.rtp.count == 8)
        broadcast.keyframe(5)
        #expect(viewer.rtp.count == 12)
    }

    @Test func `after one bare IDR asking goes on, after two there is nothing better to be had`() throws {
        let broadcast = try Broadcast()
        _ = try broadcast.viewer()
        broadcast.rig.run(for: 300_000_000)
        broadcast.picture([Picture.idr(1)])
        let one = broadcast.requests.count
        broadcast.rig.run(for: 2_000_000_000)
        #expect(broadcast.requests.count >= one + 3)
        broadcast.picture([Picture.idr(2)])
        let two = broadcast.requests.count
        broadcast.rig.run(for: 2_000_000_000)
        #expect(broadcast.requests.count <= two + 1)
    }

    @Test func `padding alone is left out of the numbers, also late`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        for round in 0..<40 {
            let padding = RTPFixture(
                payloadType: 102, sequenceNumber: broadcast.number, timestamp: broadcast.timestamp, ssrc: 71,
                payload: [], padding: 200)
            broadcast.number &+= 1
            broadcast.rig.send(padding, from: broadcast.publisher)
            broadcast.picture([Picture.other(UInt8(round)), Picture.other(99)], order: [1, 0])
        }
        #expect(viewer.rtp.count == 84)
        #expect(isContinuous(viewer))
    }
}
