import SigmaLoad
import SigmaWire
import Testing

@Suite("ViewerCounter: RFC 3550 §5.1 headers, not decrypted")
struct CountingTests {
    private func packet(_ number: UInt16, ssrc: UInt32 = 7, length: Int = 40, type: UInt8 = 96) -> [UInt8] {
        var bytes: [UInt8] = [0x80, type]
        bytes.append(bigEndian: number)
        bytes.append(bigEndian: 0 as UInt32)
        bytes.append(bigEndian: ssrc)
        return bytes + [UInt8](repeating: 0xA5, count: length - 12)
    }

    private func count(_ numbers: [UInt16]) -> Tally {
        var counter = ViewerCounter()
        for number in numbers { note(packet(number), in: &counter) }
        return counter.tally
    }

    @discardableResult
    private func note(_ bytes: [UInt8], segmentLength: Int? = nil, in counter: inout ViewerCounter) -> Int {
        counter.note(bytes.span.bytes, segmentLength: segmentLength ?? max(1, bytes.count))
    }

    @Test func `a whole stream over three wraps has no gap`() {
        let tally = count((0..<200_000).map { UInt16(truncatingIfNeeded: 65_000 + $0) })
        #expect(tally.packets == 200_000)
        #expect(tally.expected == 200_000)
        #expect(tally.octets == 200_000 * 40)
        #expect((tally.lost, tally.duplicates, tally.outOfOrder) == (0, 0, 0))
    }

    @Test func `each lost packet is missed, at the wrap too`() {
        let lost: Set<Int> = [3, 4, 535, 536, 537, 4000]
        let numbers = (0..<5000).filter { !lost.contains($0) }.map { UInt16(truncatingIfNeeded: 65_000 + $0) }
        let tally = count(numbers)
        #expect((tally.packets, tally.expected, tally.lost) == (4994, 5000, 6))
    }

    @Test func `a repeated packet is a duplicate within 1024 numbers`() {
        #expect(count([1, 2, 2, 3, 1]).duplicates == 2)
        #expect(count([65_535, 0, 65_535, 0]).duplicates == 2)
        let far = count([0] + (1...1023).map { UInt16($0) } + [0])
        #expect((far.duplicates, far.packets) == (1, 1024))
    }

    @Test func `a late packet is out of order, and no loss`() {
        let tally = count([10, 11, 13, 14, 12, 15])
        #expect((tally.packets, tally.lost, tally.outOfOrder, tally.duplicates) == (6, 0, 1, 0))
    }

    @Test func `packets before the first one count`() {
        let tally = count([0, 65_535, 65_534, 1])
        #expect((tally.packets, tally.expected, tally.outOfOrder) == (4, 4, 2))
    }

    @Test func `numbers that were left out are not taken for seen ones a window later`() {
        // 5 is lost; 5 + 1024 shares its place.
        let numbers = (0...3000).filter { $0 != 5 }.map { UInt16($0) }
        let tally = count(numbers)
        #expect((tally.duplicates, tally.lost) == (0, 1))
    }

    @Test func `a jump over more than the window is loss`() {
        let tally = count([0, 5000, 5001, 5000])
        #expect((tally.packets, tally.lost, tally.duplicates) == (3, 4999, 1))
    }

    @Test func `streams are told apart by SSRC, four at most`() {
        var counter = ViewerCounter()
        for ssrc in (1 as UInt32)...6 { note(packet(100, ssrc: ssrc), in: &counter) }
        note(packet(101, ssrc: 4), in: &counter)
        #expect(counter.tally.packets == 5)
        #expect(counter.tally.lost == 0)
        #expect(counter.strays == 2)
    }

    @Test func `a random stream counts as an exact account of it does`() {
        var state: UInt64 = 11
        var counter = ViewerCounter()
        var seen: Set<Int> = []
        var (duplicates, outOfOrder, highest) = (0, 0, 0)
        for step in 0..<100_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let index = 70_000 + step - Int(state >> 33 % 8 == 0 ? state >> 40 % 900 : 0)
            if !seen.insert(index).inserted {
                duplicates += 1
            } else if index < highest {
                outOfOrder += 1
            }
            highest = max(highest, index)
            note(packet(UInt16(truncatingIfNeeded: index)), in: &counter)
        }
        let tally = counter.tally
        let expected = highest - (seen.min() ?? 0) + 1
        #expect((tally.packets, tally.expected) == (seen.count, expected))
        #expect((tally.duplicates, tally.outOfOrder) == (duplicates, outOfOrder))
    }

    // MARK: UDP_GRO

    @Test func `joined datagrams are split by their length, the last one shorter`() {
        var counter = ViewerCounter()
        let joined = (1...5).flatMap { packet($0, length: 100) } + packet(6, length: 30)
        let others = note(joined, segmentLength: 100, in: &counter)
        #expect(others == 0)
        #expect((counter.tally.packets, counter.tally.octets, counter.tally.lost) == (6, 530, 0))
    }

    @Test func `what is no RTP among joined datagrams is somebody else's`() {
        var counter = ViewerCounter()
        let stun: [UInt8] = [0, 1] + [UInt8](repeating: 0, count: 38)
        let rtcp = packet(1, type: 200)
        let others = note(packet(1) + stun + rtcp + packet(2), segmentLength: 40, in: &counter)
        #expect(others == 2)
        #expect(counter.tally.packets == 2)
    }

    @Test func `what is too short for a header is not counted`() {
        var counter = ViewerCounter()
        let others = note(Array(packet(1).prefix(11)), in: &counter)
        let none = note([], in: &counter)
        #expect((others, none) == (1, 0))
        #expect(counter.tally.packets == 0)
    }

    @Test(
        arguments: [
            (0, 5, []), (5, 5, [0..<5]), (5, 9, [0..<5]), (11, 5, [0..<5, 5..<10, 10..<11]),
            (3, 0, [0..<1, 1..<2, 2..<3]),
        ] as [(Int, Int, [Range<Int>])])
    func `segments cover everything once`(byteCount: Int, length: Int, expected: [Range<Int>]) {
        var segments = Segments(byteCount: byteCount, segmentLength: length)
        var found: [Range<Int>] = []
        while let segment = segments.next() { found.append(segment) }
        #expect(found == expected)
    }

    @Test func `a receiver report says the loss since the last one (RFC 3550 §6.4.1)`() {
        var counter = ViewerCounter()
        for number in [UInt16](0...9) where number != 4 { note(packet(number), in: &counter) }
        let first = counter.takeReports()
        #expect(first.count == 1)
        #expect(first.first?.fractionLost == 25)
        #expect(first.first?.cumulativeLost == 1)
        #expect(first.first?.highestSequenceNumber == 9)
        note(packet(10), in: &counter)
        let second = counter.takeReports()
        #expect((second.first?.fractionLost, second.first?.cumulativeLost) == (0, 1))
    }
}
