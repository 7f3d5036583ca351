import SigmaCore
import SigmaEngine
import SigmaWire
import Testing

@Suite("Truth: slices of the fan-out, and what is dropped when they come late")
struct TruthFanOutTests {
    private final class Broadcast {
        let rig: TruthRig
        let publisher: TruthRig.Member
        let room: UInt64
        var number: UInt16 = 65_500
        var audioNumber: UInt16 = 65_500
        var timestamp: UInt32 = 4_294_900_000
        var audioTimestamp: UInt32 = 7

        init(_ rig: TruthRig, room: UInt64 = 1) throws {
            self.rig = rig
            self.room = room
            publisher = try rig.join(
                .publisher, room: room,
                [
                    TruthRig.line(.audio, mid: "a", payloadType: 111, ssrc: 70),
                    TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: 71),
                ])
        }

        func viewer() throws -> TruthRig.Member {
            try rig.join(
                .viewer, room: room,
                [
                    TruthRig.line(.audio, mid: "0", payloadType: 96, ssrc: 5),
                    TruthRig.line(.video, mid: "1", payloadType: 97, ssrc: 6),
                ])
        }

        func sealed(_ payloads: [[UInt8]]) -> [[UInt8]] {
            let datagrams = payloads.enumerated().map { place, payload in
                rig.protect(
                    RTPFixture(
                        payloadType: 102, sequenceNumber: number &+ UInt16(place), timestamp: timestamp,
                        ssrc: 71, payload: payload, marker: place == payloads.count - 1
                    ).octets, by: publisher)
            }
            number &+= UInt16(payloads.count)
            timestamp &+= 3000
            return datagrams
        }

        func picture(_ payloads: [[UInt8]]) {
            for datagram in sealed(payloads) { rig.deliver(datagram, from: publisher) }
        }

        func keyframe(_ tag: UInt8) {
            picture([Picture.sps, Picture.pps, Picture.idr(tag), Picture.idrEnd(tag)])
        }

        func sound(_ tag: UInt8) {
            rig.send(
                RTPFixture(
                    payloadType: 111, sequenceNumber: audioNumber, timestamp: audioTimestamp, ssrc: 70,
                    payload: [tag]), from: publisher)
            audioNumber &+= 1
            audioTimestamp &+= 960
        }

        /// Time passes, in which the server does everything but send to viewers.
        func stall(_ milliseconds: Int64) {
            rig.isStalled = true
            rig.run(for: milliseconds * 1_000_000)
        }

        func recover() {
            rig.isStalled = false
            rig.settle()
        }
    }

    private func tags(_ viewer: TruthRig.Member, _ ssrc: UInt32 = 6) -> [UInt8] {
        viewer.rtp.filter { $0.ssrc == ssrc }.compactMap(\.payload.last)
    }

    /// Every number once, none missing; and every index one that a receiver expects (RFC 3711 §3.3.1).
    private func isGapless(_ viewer: TruthRig.Member, _ ssrc: UInt32 = 6) -> Bool {
        let indices = viewer.rtp.filter { $0.ssrc == ssrc }.map(\.index).sorted()
        guard let first = indices.first else { return false }
        return indices == (0..<UInt64(indices.count)).map { first + $0 } && viewer.undecryptable == 0
    }

    private static let head: [UInt8] = [Picture.sps.last ?? 0, Picture.pps.last ?? 0]

    // MARK: Slices

    @Test(arguments: [1, 2, 3, 7])
    func `what comes in between slices goes to all, once and in order`(slice: Int) throws {
        let broadcast = try Broadcast(try TruthRig())
        let viewers = try (0..<5).map { _ in try broadcast.viewer() }
        broadcast.keyframe(1)
        broadcast.rig.slice = slice
        broadcast.rig.isStalled = true
        for tag in 2..<40 as Range<UInt8> {
            broadcast.picture([Picture.other(tag), Picture.other(tag)])
            _ = broadcast.rig.fanOutSlice()
        }
        broadcast.recover()
        for viewer in viewers {
            #expect(tags(viewer) == Self.head + (1..<40 as Range<UInt8>).flatMap { [$0, $0] })
            #expect(isGapless(viewer))
        }
    }

    @Test func `viewers that join, leave, pause and go on in mid-job take nothing from the others`() throws {
        let broadcast = try Broadcast(try TruthRig())
        var viewers = try (0..<6).map { _ in try broadcast.viewer() }
        broadcast.keyframe(1)
        broadcast.rig.slice = 1
        broadcast.rig.isStalled = true
        for tag in 2..<32 as Range<UInt8> {
            broadcast.picture([Picture.other(tag), Picture.other(tag)])
            _ = broadcast.rig.fanOutSlice()
            switch tag {
            case 5: try broadcast.rig.close(viewers.remove(at: 0))
            case 9: try broadcast.rig.close(viewers.remove(at: 2))
            case 12: try broadcast.rig.setPaused(true, viewers[1])
            case 15: viewers.append(try broadcast.viewer())
            case 18: try broadcast.rig.setPaused(false, viewers[1])
            case 21: try broadcast.rig.close(viewers.remove(at: 3))
            default: break
            }
        }
        broadcast.recover()
        broadcast.keyframe(50)
        let whole = Self.head + (1..<32 as Range<UInt8>).flatMap { [$0, $0] } + Self.head + [50, 50]
        #expect(tags(viewers[0]) == whole)
        #expect(tags(viewers[2]) == whole)
        // Paused, and joined late: each begins at the last keyframe.
        #expect(tags(viewers[1]).suffix(whole.count) == whole)
        #expect(tags(viewers[3]) == whole)
        for viewer in viewers { #expect(isGapless(viewer)) }
    }

    @Test func `a publisher that leaves in mid-job leaves no number behind`() throws {
        let rig = try TruthRig()
        let broadcast = try Broadcast(rig)
        let viewers = try (0..<3).map { _ in try broadcast.viewer() }
        broadcast.keyframe(1)
        rig.slice = 2
        rig.isStalled = true
        for tag in 2..<8 as Range<UInt8> { broadcast.picture([Picture.other(tag)]) }
        _ = rig.fanOutSlice()
        try rig.close(broadcast.publisher)
        let next = try Broadcast(rig)
        rig.run(for: 20_000_000)
        next.keyframe(9)
        broadcast.recover()
        for viewer in viewers {
            #expect(tags(viewer).suffix(4) == Self.head + [9, 9])
            #expect(isGapless(viewer))
        }
    }

    @Test func `audio goes before video, and a small room before the rest of a large one`() throws {
        let rig = try TruthRig()
        let large = try Broadcast(rig)
        let small = try Broadcast(rig, room: 2)
        let crowd = try (0..<8).map { _ in try large.viewer() }
        let lonely = try small.viewer()
        large.keyframe(1)
        small.keyframe(1)
        rig.isStalled = true
        rig.slice = 8
        for tag in 2..<10 as Range<UInt8> { large.picture([Picture.other(tag)]) }
        small.picture([Picture.other(2)])
        for viewer in crowd { #expect(tags(viewer).count == 4) }
        large.sound(3)
        // Sound for eight, eight pictures for the first, then the small room's turn.
        for _ in 0..<3 { _ = rig.fanOutSlice() }
        for viewer in crowd { #expect(tags(viewer, 5) == [3]) }
        #expect(tags(lonely).last == 2)
        #expect(crowd.count { tags($0).last == 9 } < 3)
        large.recover()
        #expect(crowd.allSatisfy { tags($0).last == 9 })
    }

    // MARK: Dropping

    @Test func `after 100 ms pictures that no other needs are left out, whole and without a gap`() throws {
        let broadcast = try Broadcast(try TruthRig())
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        broadcast.stall(0)
        for tag in 2..<10 as Range<UInt8> {
            broadcast.picture(
                tag % 2 == 0
                    ? [Picture.other(tag), Picture.other(tag)]
                    : [Picture.disposable(tag), Picture.disposableEnd(tag)])
            broadcast.sound(tag)
            broadcast.stall(33)
        }
        broadcast.recover()
        // 264 ms have passed: 9 and 7 came in the last 100.
        #expect(tags(viewer) == Self.head + [1, 1, 2, 2, 4, 4, 6, 6, 7, 7, 8, 8, 9, 9])
        #expect(tags(viewer, 5) == Array(2..<10))
        #expect(isGapless(viewer))
        #expect(isGapless(viewer, 5))
        #expect(broadcast.rig.counters.framesDropped == 2)
        #expect(broadcast.rig.counters.packetsDropped == 4)
    }

    @Test func `a picture that is begun is sent to its end, one that is dropped stays dropped`() throws {
        let broadcast = try Broadcast(try TruthRig())
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        let begun = broadcast.sealed([Picture.disposable(2), Picture.disposableEnd(2)])
        broadcast.rig.deliver(begun[0], from: broadcast.publisher)
        broadcast.stall(0)
        broadcast.rig.deliver(begun[1], from: broadcast.publisher)
        let dropped = broadcast.sealed([Picture.disposable(3), Picture.disposableEnd(3)])
        broadcast.rig.deliver(dropped[0], from: broadcast.publisher)
        broadcast.stall(150)
        broadcast.recover()
        broadcast.rig.deliver(dropped[1], from: broadcast.publisher)
        broadcast.picture([Picture.other(4)])
        #expect(tags(viewer) == Self.head + [1, 1, 2, 2, 4])
        #expect(isGapless(viewer))
    }

    @Test(arguments: [[1, 0], [0, 1]])
    func `packets out of order leave no gap, and what was overtaken gets no other's number`(order: [Int])
        throws
    {
        let broadcast = try Broadcast(try TruthRig())
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        let late = broadcast.sealed([Picture.other(2)])
        let dropped = broadcast.sealed([Picture.disposable(3), Picture.disposableEnd(3)])
        broadcast.stall(0)
        for place in order { broadcast.rig.deliver(dropped[place], from: broadcast.publisher) }
        broadcast.stall(150)
        broadcast.picture([Picture.other(4)])
        broadcast.recover()
        broadcast.rig.deliver(late[0], from: broadcast.publisher)
        broadcast.picture([Picture.other(5)])
        #expect(tags(viewer) == Self.head + [1, 1, 4, 5])
        let indices = viewer.rtp.map(\.index)
        // The one that was overtaken is missing, as on a lossy network.
        #expect(indices.map { $0 - indices[0] } == [0, 1, 2, 3, 5, 6])
        #expect(viewer.undecryptable == 0)
    }

    @Test func `after 300 ms all is dropped up to the next keyframe, which is asked for once`() throws {
        let broadcast = try Broadcast(try TruthRig())
        let viewers = [try broadcast.viewer(), try broadcast.viewer()]
        broadcast.keyframe(1)
        broadcast.rig.run(for: 600_000_000)
        let asked = broadcast.publisher.rtcp.count { $0.pictureLosses > 0 }
        broadcast.stall(0)
        for tag in 2..<14 as Range<UInt8> {
            broadcast.picture([Picture.other(tag)])
            broadcast.sound(tag)
            broadcast.stall(30)
        }
        broadcast.recover()
        broadcast.rig.run(for: 40_000_000)
        for viewer in viewers {
            #expect(tags(viewer) == Self.head + [1, 1])
            #expect(tags(viewer, 5) == Array(2..<14))
        }
        #expect(broadcast.publisher.rtcp.count { $0.pictureLosses > 0 } == asked + 1)
        #expect(broadcast.rig.counters.framesDropped == 24)
        #expect(broadcast.rig.counters.packetsDropped == 24)
        broadcast.keyframe(20)
        broadcast.picture([Picture.other(21)])
        for viewer in viewers {
            #expect(tags(viewer) == Self.head + [1, 1] + Self.head + [20, 20, 21])
            #expect(isGapless(viewer))
            #expect(isGapless(viewer, 5))
        }
    }

    @Test func `a keyframe that came over 300 ms is begun once, though slices end in the middle of it`()
        throws
    {
        let broadcast = try Broadcast(try TruthRig())
        let viewer = try broadcast.viewer()
        broadcast.rig.slice = 1
        for datagram in broadcast.sealed([Picture.sps, Picture.pps, Picture.idr(1), Picture.idrEnd(1)]) {
            broadcast.rig.isStalled = true
            broadcast.rig.deliver(datagram, from: broadcast.publisher)
            broadcast.stall(110)
        }
        // No time passes between these slices.
        var slices = 0
        while broadcast.rig.fanOutSlice(), slices < 20 { slices += 1 }
        broadcast.recover()
        #expect(slices < 10)
        #expect(tags(viewer) == Self.head + [1, 1])
        #expect(isGapless(viewer))
    }

    @Test func `a keyframe that waits itself is where viewers go on`() throws {
        let broadcast = try Broadcast(try TruthRig())
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        broadcast.stall(0)
        for tag in 2..<8 as Range<UInt8> {
            broadcast.picture([Picture.other(tag)])
            broadcast.stall(30)
        }
        broadcast.keyframe(8)
        broadcast.stall(150)
        broadcast.picture([Picture.other(9)])
        broadcast.recover()
        #expect(tags(viewer) == Self.head + [1, 1] + Self.head + [8, 8, 9])
        #expect(isGapless(viewer))
    }

    @Test func `what the ring overwrites is a jump of the source, not of the viewer's numbers`() throws {
        let broadcast = try Broadcast(try TruthRig())
        let viewer = try broadcast.viewer()
        broadcast.keyframe(1)
        broadcast.sound(1)
        broadcast.stall(0)
        for round in 0..<4200 {
            broadcast.picture([Picture.other(UInt8(round % 100))])
            if round < 200 { broadcast.sound(UInt8(round)) }
        }
        broadcast.recover()
        #expect(tags(viewer) == Self.head + [1, 1])
        #expect(tags(viewer, 5) == [1] + Array(72..<200))
        broadcast.keyframe(9)
        #expect(tags(viewer) == Self.head + [1, 1] + Self.head + [9, 9])
        #expect(isGapless(viewer))
        #expect(isGapless(viewer, 5))
        #expect(broadcast.rig.counters.packetsDropped == 4200 - 4096 + 200 - 128)
    }
}
