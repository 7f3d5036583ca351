import SigmaWire
import Testing

@Suite("SequenceNumber: RFC 3711 §3.3.1")
struct SequenceNumberTests {
    @Test(
        arguments: [
            (0, 0, 0),
            (1, 0, 1),
            (32767, 0, 32767),
            (10, 5, 10),
            (5, 10, 5),
            (0, 65535, 65536),
            (65535, 65536, 65535),
            (65535, 65536 + 10, 65535),
            (20, 2 * 65536 + 65530, 3 * 65536 + 20),
            (65530, 3 * 65536 + 20, 2 * 65536 + 65530),
            (32768, 3 * 65536 + 1, 3 * 65536 + 32768),
            (32770, 3 * 65536 + 1, 2 * 65536 + 32770),
        ] as [(UInt16, UInt64, UInt64)])
    func `takes the index closest to the highest (RFC 3711 §3.3.1)`(
        number: UInt16, highest: UInt64, index: UInt64
    ) {
        #expect(SequenceNumber.extend(number, near: highest) == index)
    }

    @Test(arguments: [(65535, 0, 65535), (40000, 100, 40000)] as [(UInt16, UInt64, UInt64)])
    func `never goes below 0: before the first wrap, behind 0 is ahead`(
        number: UInt16, highest: UInt64, index: UInt64
    ) {
        #expect(SequenceNumber.extend(number, near: highest) == index)
    }

    @Test func `counts three wraps of a stream with every tenth packet swapped`() {
        var highest: UInt64 = 65000
        for index in UInt64(65000)..<UInt64(65000 + 200_000) {
            let sent = index % 10 == 0 ? index + 1 : index % 10 == 1 ? index - 1 : index
            let read = SequenceNumber.extend(UInt16(truncatingIfNeeded: sent), near: highest)
            #expect(read == sent)
            highest = max(highest, read)
        }
    }
}
