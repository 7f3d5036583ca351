import SigmaCore
import SigmaTestKit
import SigmaWire
import Testing

@Suite("EntryPointFinder: RFC 6184 §5")
struct EntryPointFinderTests {
    private func note(_ finder: inout EntryPointFinder, _ hex: String, _ timestamp: UInt32) throws
        -> EntryPointFinder.Finding
    {
        let octets = Capture.octets(hex: hex)
        return finder.note(try H264Payload(octets.span.bytes), timestamp: timestamp)
    }

    private func findings(_ packets: [(String, UInt32)]) throws -> [EntryPointFinder.Finding] {
        var finder = EntryPointFinder()
        return try packets.map { try note(&finder, $0.0, $0.1) }
    }

    private let sps = "6742c01f"
    private let pps = "68ce3c80"
    private let idr = "7c8588"
    private let other = "419a"

    @Test func `the packet that completes parameter sets and IDR is the one told of, in any order`() throws {
        for order in [[sps, pps, idr], [idr, pps, sps], [pps, idr, sps], [sps, idr, pps]] {
            let found = try findings(order.map { ($0, 9) })
            #expect(found.last == .keyframe(since: 9))
            #expect(found.dropLast().allSatisfy { $0 == .none || $0 == .bareKeyframe })
        }
        #expect(try findings([("78 0004 6742c01f 0002 68ce 0003 658884", 9)]) == [.keyframe(since: 9)])
    }

    @Test func `a picture is told of once`() throws {
        #expect(
            try findings([(sps, 9), (pps, 9), (idr, 9), ("6588", 9), (pps, 9), (sps, 9)])
                == [.none, .none, .keyframe(since: 9), .none, .none, .none])
        #expect(try findings([(idr, 9), ("6588", 9)]) == [.bareKeyframe, .none])
    }

    @Test func `parameter sets right in front count, with another picture between they do not`() throws {
        #expect(try findings([(sps, 5), (pps, 6), (idr, 9)]).last == .keyframe(since: 5))
        #expect(try findings([(sps, 5), (pps, 5), (other, 5), (idr, 9)]).last == .bareKeyframe)
        #expect(try findings([(sps, 5), (pps, 5), (other, 7), (idr, 9)]).last == .bareKeyframe)
        #expect(try findings([(sps, 5), (pps, 5), (idr, 5), (idr, 9)]).last == .bareKeyframe)
        // A slice of the picture before, late.
        #expect(try findings([(sps, 5), (pps, 5), (other, 3), (idr, 9)]).last == .keyframe(since: 5))
    }

    @Test func `an SPS or a PPS alone is not enough`() throws {
        #expect(try findings([(sps, 9), (idr, 9)]).last == .bareKeyframe)
        #expect(try findings([(pps, 9), (idr, 9)]).last == .bareKeyframe)
        #expect(try findings([(sps, 9), (pps, 9), (other, 9)]).last == EntryPointFinder.Finding.none)
    }

    @Test func `timestamps may wrap`() throws {
        let end = UInt32.max
        #expect(
            try findings([(other, end - 9), (sps, end), (pps, 4), (idr, 4)]).last == .keyframe(since: end))
    }
}
