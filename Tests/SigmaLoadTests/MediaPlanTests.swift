import SigmaLoad
import SigmaPeer
import SigmaWire
import Testing

@Suite("MediaPlan and H264File: RFC 6184")
struct MediaPlanTests {
    private let second: Int64 = 1_000_000_000
    private let start: Int64 = 5_000_000_000

    private func settings(_ cut: SyntheticVideo.Cut) -> SyntheticVideo.Settings {
        var settings = SyntheticVideo.Settings()
        settings.cut = cut
        return settings
    }

    /// All packets of so many seconds, asked for whenever one is due.
    private func packets(_ plan: MediaPlan, seconds: Int64) -> [(packet: MediaPlan.Packet, sent: Int64)] {
        var plan = plan
        var found: [(packet: MediaPlan.Packet, sent: Int64)] = []
        while plan.deadline < start + seconds * second {
            let now = plan.deadline
            while let packet = plan.next(at: now) { found.append((packet, now)) }
        }
        return found
    }

    @Test(arguments: [SyntheticVideo.Cut.full, .even], [MediaPlan.Pacing.burst, .paced])
    func `the bitrate is the one asked for`(cut: SyntheticVideo.Cut, pacing: MediaPlan.Pacing) {
        let all = packets(MediaPlan(settings(cut), pacing, file: nil, from: start), seconds: 20)
        let octets = all.filter { $0.packet.kind == .video }.reduce(0) { $0 + $1.packet.payload.count }
        #expect((2_400_000...2_600_000).contains(octets * 8 / 20))
        #expect(all.count { $0.packet.kind == .audio } == 20 * 50)
        #expect(all.count { $0.packet.kind == .video && $0.packet.marker } == 20 * 30)
    }

    @Test func `a burst goes at once, a paced picture is spread over its time`() {
        let burst = packets(MediaPlan(settings(.even), .burst, file: nil, from: start), seconds: 4)
        for entry in burst { #expect(entry.sent == entry.packet.due) }
        #expect(burst.allSatisfy { $0.packet.due == $0.packet.captured })
        let paced = packets(MediaPlan(settings(.even), .paced, file: nil, from: start), seconds: 4)
        let times = Dictionary(grouping: paced.filter { $0.packet.kind == .video }, by: \.packet.captured)
        for (captured, picture) in times where picture.count > 4 {
            let last = picture.map(\.sent).max() ?? 0
            #expect((second / 60...second / 30).contains(last - captured))
            #expect(Set(picture.map(\.sent)).count == picture.count)
        }
    }

    @Test func `cuts are full or even`() {
        #expect(SyntheticVideo.Cut.full.sizes(of: 2500, room: 1000) == [1000, 1000, 500])
        #expect(SyntheticVideo.Cut.even.sizes(of: 2500, room: 1000) == [834, 833, 833])
        #expect(SyntheticVideo.Cut.full.sizes(of: 1000, room: 1000) == [1000])
        #expect(SyntheticVideo.Cut.even.sizes(of: 1, room: 1000) == [1])
    }

    @Test func `a keyframe comes every two seconds, and when asked for`() {
        let isKeyframe = { (payload: [UInt8]) in payload.first == 0x78 }
        let all = packets(MediaPlan(settings(.full), .burst, file: nil, from: start), seconds: 9)
        let keyframes = all.filter { isKeyframe($0.packet.payload) }.map(\.packet.captured)
        #expect(keyframes == [0, 2, 4, 6, 8].map { start + $0 * second })
        var plan = MediaPlan(settings(.full), .burst, file: nil, from: start)
        while plan.next(at: start) != nil {}
        plan.requestKeyframe()
        let next = plan.next(at: start + second / 25)
        #expect(next.map { isKeyframe($0.payload) || $0.kind == .audio } == true)
    }

    @Test func `a send time is told from what only looks like one`() {
        #expect(SendTime.latency(of: SendTime.mark(100), at: 350) == 250)
        // The two clocks are read one after the other.
        #expect(SendTime.latency(of: SendTime.mark(100), at: 90) == 0)
        #expect(SendTime.latency(of: 100, at: 350) == nil)
        #expect(SendTime.latency(of: SendTime.mark(0), at: 61 * second) == nil)
        #expect(SendTime.latency(of: -1, at: 350) == nil)
    }

    // MARK: Annex B

    private func unit(_ header: UInt8, _ octets: [UInt8]) -> [UInt8] { [0, 0, 0, 1, header] + octets }

    private var stream: [UInt8] {
        unit(0x67, [1, 2, 3]) + unit(0x68, [4]) + unit(0x65, [0x88] + Array(repeating: 9, count: 3000))
            + unit(0x41, [0x9A, 7]) + [0, 0, 1, 0x41, 0x40, 8] + unit(0x09, [0xF0]) + unit(0x41, [0x9A, 6])
    }

    @Test func `pictures begin at delimiters, parameter sets and first slices (H.264 §7.4.1.2.4)`() throws {
        let file = try #require(H264File(stream))
        #expect(file.pictures.map(\.isKeyframe) == [true, false, false])
        #expect(file.pictures.map { $0.units.map { $0[0] } } == [[0x67, 0x68, 0x65], [0x41, 0x41], [0x41]])
    }

    @Test func `what is no H.264 is none`() {
        #expect(H264File([]) == nil)
        #expect(H264File([0, 0, 1]) == nil)
        #expect(H264File(unit(0x67, [1])) == nil)
        #expect(H264File([UInt8](repeating: 0, count: 100)) == nil)
    }

    @Test(arguments: [SyntheticVideo.Cut.full, .even])
    func `slices come through whole (RFC 6184 §5.8)`(cut: SyntheticVideo.Cut) throws {
        let file = try #require(H264File(stream))
        var counter: UInt32 = 0
        let payloads = H264File.payloads(file.pictures[0], largest: 1100, cut: cut, counter: &counter)
        #expect(payloads.allSatisfy { $0.count <= 1100 })
        let head = try #require(payloads.first)
        let parsed = try H264Payload(head.span.bytes)
        #expect(parsed.sequenceParameterSet != nil && parsed.pictureParameterSet != nil)
        let pieces = payloads.dropFirst()
        #expect(pieces.count == 3)
        #expect(pieces.first.map { [$0[0], $0[1]] } == [0x7C, 0x85])
        #expect(pieces.last.map { [$0[0], $0[1]] } == [0x7C, 0x45])
        #expect(pieces.flatMap { $0.dropFirst(2) } == Array(file.pictures[0].units[2].dropFirst()))
    }
}
