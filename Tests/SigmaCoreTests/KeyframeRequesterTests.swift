import SigmaCore
import Testing

@Suite("KeyframeRequester: RFC 4585 §6.3.1")
struct KeyframeRequesterTests {
    private func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    @Test func `many wishes become one request in 500 ms, repeated until a keyframe comes`() {
        var requester = KeyframeRequester()
        var sent: [Int64] = []
        for millisecond in 1...2_000 as ClosedRange<Int64> {
            requester.want()
            if millisecond == 1_200 { requester.keyframeArrived() }
            if millisecond < 1_200, requester.shouldRequest(at: at(millisecond)) { sent.append(millisecond) }
        }
        #expect(sent == [1, 501, 1_001])
    }

    @Test func `is silent when nobody asks and after the keyframe`() {
        var requester = KeyframeRequester()
        let unasked = requester.shouldRequest(at: at(1))
        #expect(!unasked && requester.deadline == nil)
        requester.want()
        #expect(requester.deadline == .zero)
        let asked = requester.shouldRequest(at: at(1))
        #expect(asked && requester.deadline == at(501))
        requester.keyframeArrived()
        let after = requester.shouldRequest(at: at(5_000))
        #expect(!after && requester.deadline == nil)
    }

    @Test func `a repetition keeps the command's number, a new wish has the next (RFC 5104 §4.3.1.1)`() {
        var requester = KeyframeRequester()
        var numbers: [UInt8] = []
        for half in 0..<6 as Range<Int64> {
            requester.want()
            if half == 3 {
                requester.keyframeArrived()
                requester.want()
            }
            _ = requester.shouldRequest(at: at(500 * half))
            numbers.append(requester.command)
        }
        #expect(numbers == [1, 1, 1, 2, 2, 2])
    }

    @Test func `a command that nobody answers for 2 s is given up for a new one`() {
        var requester = KeyframeRequester()
        requester.want()
        var numbers: [UInt8] = []
        for half in 0..<9 as Range<Int64> {
            _ = requester.shouldRequest(at: at(500 * half))
            numbers.append(requester.command)
        }
        #expect(numbers == [1, 1, 1, 1, 2, 2, 2, 2, 3])
    }

    @Test func `a wish right after a keyframe still waits out the 500 ms`() {
        var requester = KeyframeRequester()
        requester.want()
        let first = requester.shouldRequest(at: at(0))
        requester.keyframeArrived()
        requester.want()
        let early = requester.shouldRequest(at: at(100))
        let onTime = requester.shouldRequest(at: at(500))
        #expect(first && !early && onTime)
    }

    @Test
    func `a publisher listens when its keyframe follows the first two requests, not when it comes by itself`()
    {
        var requester = KeyframeRequester()
        requester.want()
        _ = requester.shouldRequest(at: at(0))
        requester.keyframeArrived()
        #expect(requester.isHeard)
        for requests in [3, 5, 6, 300] as [Int64] {
            requester.want()
            for half in 0..<requests {
                _ = requester.shouldRequest(at: at(1_000_000 * requests + 500 * half))
            }
            requester.keyframeArrived()
            #expect(!requester.isHeard, "after \(requests) requests")
        }
        requester.want()
        requester.keyframeArrived()
        #expect(!requester.isHeard)
    }
}
