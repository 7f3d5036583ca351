import SigmaTestNetwork
import Testing

@Suite("UDPSocket: batches, udp(7) UDP_SEGMENT")
struct UDPSocketTests {
    @Test(arguments: [true, false])
    func `what is sent as runs arrives as the same datagrams`(isSegmenting: Bool) throws {
        let outcome = try SocketExchange.run(segment: 1200, isSegmenting: isSegmenting)
        #expect(outcome.isExact)
        #expect(outcome.failures == 0 && outcome.segmentationRefused == 0)
        #expect(outcome.isSegmenting == isSegmenting)
    }

    /// A segment that the path's MTU has no room for is refused by the kernel (EINVAL); a datagram is fragmented.
    @Test func `a run too long for the path goes datagram by datagram`() throws {
        let outcome = try SocketExchange.run(segment: 1400, mtu: 1280)
        #expect(outcome.isExact)
        #expect(outcome.failures == 0 && outcome.segmentationRefused == 9)
        #expect(outcome.isSegmenting)
    }

    @Test func `counts what the kernel refuses, and sends the rest`() throws {
        let outcome = try SocketExchange.runWithRefused()
        #expect(outcome.failures == 4)
        #expect(outcome.isExact)
    }
}
