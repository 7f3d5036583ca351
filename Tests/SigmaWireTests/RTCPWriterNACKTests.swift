import SigmaWire
import Testing

@Suite("RTCPWriter, generic NACK: RFC 4585 §6.2.1")
struct RTCPWriterNACKTests {
    private let sender = SSRC(rawValue: 0x0102_0304)
    private let media = SSRC(rawValue: 0xFFFE_FDFC)

    /// What is written into `room` octets, and how many numbers it names by its own account.
    private func nack(_ numbers: [UInt16], room: Int = 1500) -> (bytes: [UInt8], named: Int) {
        var bytes = [UInt8](repeating: 0xA5, count: room)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        var writer = RTCPWriter()
        let named = writer.appendGenericNACK(from: sender, to: media, numbers, in: &raw)
        let length = writer.length
        return (Array(bytes.prefix(length)), named)
    }

    private func entries(_ bytes: [UInt8]) throws -> [NACKEntry] {
        let view = try RTCPCompoundView(bytes.span.bytes)
        var packets = view.packets
        let next = packets.next(in: view)
        let packet = try #require(next)
        #expect(packet.isGenericNACK)
        let sources = FeedbackSources(packet, in: view)
        #expect(sources?.sender == sender)
        #expect(sources?.media == media)
        return (0..<100).compactMap { NACKEntry($0, of: packet, in: view) }
    }

    private func numbers(_ entries: [NACKEntry]) -> [UInt16] {
        entries.flatMap { entry in
            [entry.packetID]
                + (0..<16).filter { entry.followingLost & 1 << $0 != 0 }.map { entry.packetID &+ $0 &+ 1 }
        }
    }

    @Test func `a number and the 16 after it are one entry, the 17th begins another`() throws {
        let (bytes, named) = nack(Array(100...117))
        #expect(named == 18)
        #expect(
            try entries(bytes) == [
                NACKEntry(packetID: 100, followingLost: 0xFFFF), NACKEntry(packetID: 117, followingLost: 0),
            ])
    }

    @Test func `bit i stands for the packet i + 1 after the first`() throws {
        let (bytes, named) = nack([7, 8, 10, 23])
        #expect(named == 4)
        #expect(try entries(bytes) == [NACKEntry(packetID: 7, followingLost: 0b1000_0000_0000_0101)])
    }

    @Test func `an entry goes on over the wrap`() throws {
        let (bytes, named) = nack([65_534, 65_535, 0, 3, 20])
        #expect(named == 5)
        #expect(
            try entries(bytes) == [
                NACKEntry(packetID: 65_534, followingLost: 0b1_0011),
                NACKEntry(packetID: 20, followingLost: 0),
            ])
    }

    @Test func `numbers in any order and repeated ones are packed as if sorted`() throws {
        let (bytes, named) = nack([3, 65_535, 0, 65_535, 40, 3, 65_534, 20, 0])
        #expect(named == 6)
        #expect(numbers(try entries(bytes)) == [65_534, 65_535, 0, 3, 20, 40])
        #expect(try entries(bytes).count == 3)
    }

    @Test func `no number makes no packet`() {
        let (bytes, named) = nack([])
        #expect(bytes.isEmpty)
        #expect(named == 0)
    }

    @Test(arguments: [0, 11, 12, 15, 16, 19, 20, 27])
    func `keeps to its room, the oldest numbers first`(room: Int) throws {
        let lost: [UInt16] = [1000, 2000, 3000, 3001, 4000]
        let (bytes, named) = nack(lost, room: room)
        let fit = max(0, (room - 12) / 4)
        #expect(bytes.count == (fit == 0 ? 0 : 12 + 4 * fit))
        #expect(named == [0, 1, 2, 4][fit])
        if fit > 0 { #expect(numbers(try entries(bytes)) == Array(lost.prefix(named))) }
    }

    @Test func `writes at most 64 entries`() throws {
        let (bytes, named) = nack((0..<100).map { $0 * 100 })
        #expect(named == 64)
        #expect(try entries(bytes).count == 64)
    }

    @Test func `whatever is asked for is read back`() throws {
        var state: UInt32 = 1
        for _ in 0..<1000 {
            state = state &* 1_664_525 &+ 1_013_904_223
            let first = UInt16(truncatingIfNeeded: state >> 8)
            let lost = (0..<Int(state % 60)).map { index in
                first &+ UInt16(truncatingIfNeeded: (state >> 3) &* UInt32(index * index) % 300)
            }
            let (bytes, named) = nack(lost)
            let expected = Set(lost)
            #expect(named == expected.count)
            if !lost.isEmpty { #expect(Set(numbers(try entries(bytes))) == expected) }
        }
    }
}
