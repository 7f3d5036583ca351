import SigmaCore
import SigmaEngine
import SigmaWire
import Testing

@Suite("Truth: what a publisher's packets lost on the way is asked for again (RFC 4585 §6.2.1, RFC 4588)")
struct TruthRepairTests {
    enum RTX { case none, announced, unannounced }

    /// A publisher of one picture in 33 ms, four packets each.
    private final class Broadcast {
        let rig: TruthRig
        let publisher: TruthRig.Member
        let viewer: TruthRig.Member
        let rtx: RTX
        var number: UInt16 = 65_500
        private var rtxNumber: UInt16 = 65_530
        private var timestamp: UInt32 = 4_294_900_000
        private var sent: [UInt16: RTPFixture] = [:]
        private var sealed: [UInt16: [UInt8]] = [:]

        init(rtx: RTX, rtxTime: UInt16 = 0, feedback: MediaLineRecord.Feedback = [.nack, .nackPLI]) throws {
            self.rtx = rtx
            rig = try TruthRig()
            var line = TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: 71, feedback: feedback)
            if rtx != .none { line.rtxPayloadType = 103 }
            if rtx == .announced { line.rtxSSRC = 72 }
            line.rtxTime = rtxTime
            publisher = try rig.join(.publisher, [line])
            viewer = try rig.join(.viewer, [TruthRig.line(.video, mid: "1", payloadType: 97, ssrc: 6)])
        }

        /// - Parameter lost: Places of its packets.
        func picture(isKeyframe: Bool = false, lost: Set<Int> = []) {
            let payloads =
                isKeyframe
                ? [Picture.sps, Picture.pps, Picture.idr(1), Picture.idrEnd(1)]
                : (1...4).map { Picture.other($0) }
            for (place, payload) in payloads.enumerated() {
                let packet = RTPFixture(
                    payloadType: 102, sequenceNumber: number, timestamp: timestamp, ssrc: 71,
                    payload: payload,
                    marker: place == 3, extensions: [(TruthRig.midExtensionID, Array("v".utf8))])
                let datagram = rig.protect(packet.octets, by: publisher)
                sent[number] = packet
                sealed[number] = datagram
                if !lost.contains(place) { rig.deliver(datagram, from: publisher) }
                number &+= 1
            }
            timestamp &+= 3000
            rig.run(for: 33_333_333)
        }

        /// The numbers of each NACK, and when.
        var asked: [(numbers: [UInt16], at: Int64)] {
            publisher.rtcp.compactMap { $0.nacked.isEmpty ? nil : ($0.nacked, $0.at) }
        }

        /// The original of a packet that was taken for lost.
        func comeLate(_ number: UInt16) { rig.deliver(sealed[number] ?? [], from: publisher) }

        func answer(_ number: UInt16) {
            guard var packet = sent[number] else { return }
            guard rtx != .none else {
                rig.deliver(sealed[number] ?? [], from: publisher)
                return
            }
            packet.payload = [UInt8(number >> 8), UInt8(number & 255)] + packet.payload
            packet.ssrc = 72
            packet.payloadType = 103
            packet.sequenceNumber = rtxNumber
            packet.padding = 7
            rtxNumber &+= 1
            rig.send(packet, from: publisher)
        }
    }

    @Test(arguments: [RTX.none, .announced, .unannounced])
    func `viewers get it under the number that was left for it`(rtx: RTX) throws {
        let broadcast = try Broadcast(rtx: rtx)
        broadcast.picture(isKeyframe: true)
        for _ in 0..<20 {
            let first = broadcast.number
            broadcast.picture(lost: [1, 2])
            #expect(broadcast.asked.last?.numbers == [first &+ 1, first &+ 2])
            broadcast.answer(first &+ 1)
            broadcast.answer(first &+ 2)
            // A second one is nobody's.
            broadcast.answer(first &+ 2)
        }
        let packets = broadcast.viewer.rtp
        #expect(packets.count == 84)
        let inOrder = packets.sorted { $0.index < $1.index }
        #expect(inOrder.map(\.index) == (0..<84).map { inOrder[0].index + $0 })
        #expect(
            inOrder.dropFirst(4).compactMap(\.payload.last)
                == Array(repeating: [1, 2, 3, 4], count: 20).flatMap(\.self))
        #expect(broadcast.rig.counters.packetsRecovered == 40)
        #expect(broadcast.rig.counters.rtpUnbound == 0)
        #expect(broadcast.asked.count == 20)
        // Nobody else than the repair has asked.
        #expect(broadcast.publisher.rtcp.allSatisfy { $0.pictureLosses == 0 } || rtx == .none)
    }

    @Test func `losses that RTX repaired are losses still (RFC 4588 §7)`() throws {
        let broadcast = try Broadcast(rtx: .announced)
        broadcast.picture(isKeyframe: true)
        let first = broadcast.number
        broadcast.picture(lost: [1])
        broadcast.answer(first &+ 1)
        for _ in 0..<60 { broadcast.picture() }
        let blocks = broadcast.publisher.rtcp.flatMap(\.reportBlocks).filter { $0.ssrc.rawValue == 71 }
        #expect(blocks.last?.cumulativeLost == 1)
    }

    @Test func `an original behind its retransmission is not forwarded again`() throws {
        let broadcast = try Broadcast(rtx: .announced)
        broadcast.picture(isKeyframe: true)
        let first = broadcast.number
        broadcast.picture(lost: [1])
        broadcast.answer(first &+ 1)
        let count = broadcast.viewer.rtp.count
        broadcast.comeLate(first &+ 1)
        broadcast.picture()
        #expect(broadcast.viewer.rtp.count == count + 4)
        #expect(Set(broadcast.viewer.rtp.map(\.index)).count == broadcast.viewer.rtp.count)
    }

    @Test func `who negotiated no NACK is not asked`() throws {
        let broadcast = try Broadcast(rtx: .none, feedback: [.nackPLI])
        broadcast.picture(isKeyframe: true)
        for _ in 0..<5 { broadcast.picture(lost: [2]) }
        #expect(broadcast.asked.isEmpty)
    }

    @Test func `what nobody answers is asked for ten times, and then a keyframe`() throws {
        let broadcast = try Broadcast(rtx: .none)
        broadcast.picture(isKeyframe: true)
        broadcast.picture(lost: [2])
        let requests = broadcast.publisher.rtcp.count { $0.pictureLosses > 0 }
        for _ in 0..<60 { broadcast.picture() }
        #expect((8...10).contains(broadcast.asked.count))
        #expect(broadcast.publisher.rtcp.count { $0.pictureLosses > 0 } > requests)
    }

    @Test func `nothing is asked for longer than its sender keeps it (RFC 4588 §8.1)`() throws {
        let broadcast = try Broadcast(rtx: .announced, rtxTime: 300)
        broadcast.picture(isKeyframe: true)
        broadcast.picture(lost: [2])
        for _ in 0..<60 { broadcast.picture() }
        #expect((2...3).contains(broadcast.asked.count))
    }

    @Test func `a newer keyframe ends the asking`() throws {
        let broadcast = try Broadcast(rtx: .none)
        broadcast.picture(isKeyframe: true)
        broadcast.picture(lost: [2])
        broadcast.picture(isKeyframe: true)
        let asked = broadcast.asked.count
        for _ in 0..<60 { broadcast.picture() }
        #expect(broadcast.asked.count == asked)
    }
}
