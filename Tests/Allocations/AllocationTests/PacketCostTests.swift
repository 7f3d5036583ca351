import CAllocationCounter
import Testing

@Suite("What a forwarded packet costs beside its octets", .enabled(if: CAllocationCounter_isThere()))
struct PacketCostTests {
    @Test func `the counters count`() {
        CAllocationCounter_begin()
        let before = Broadcast.Counts.current
        let octets = [UInt8](repeating: 1, count: Int.random(in: 10_000...20_000))
        let copies = [octets, octets]
        CAllocationCounter_end()
        let after = Broadcast.Counts.current
        #expect(copies[1].count == octets.count)
        #expect(after.allocations >= before.allocations + 1)
        #expect(after.retains >= before.retains + 1)
    }

    @Test
    func `a million packets are forwarded without an allocation, a retain or a check of exclusive access`()
        throws
    {
        let broadcast = try Broadcast(viewers: 100)
        // The ring grows to its limit, since there is one keyframe, and then that is copied as a still.
        for _ in 0..<450 { broadcast.picture() }
        broadcast.forgetCounts()
        let warm = broadcast.forwarded
        #expect(warm == 450 * 12 * 100)
        #expect(broadcast.slices == 0)
        while broadcast.forwarded < warm + 1_000_000 { broadcast.picture() }
        let (receiving, sending) = (broadcast.receiving, broadcast.sending)
        let (received, slices) = (UInt64(broadcast.received), UInt64(broadcast.slices))
        #expect(receiving.allocations == 0)
        #expect(sending.allocations == 0)
        // The track and the list of viewers are held for a slice, not for a packet.
        let perSlice = slices * 8
        #expect(sending.retains <= perSlice && sending.releases <= perSlice)
        #expect(sending.accesses <= perSlice)
        // A packet comes in once, for however many viewers.
        #expect(receiving.retains <= received * 4 && receiving.accesses <= received * 12)
    }
}
