import SigmaControl
import Testing

@Suite("FrameDecoder: 4-octet length, at most 64 KiB")
struct FrameDecoderTests {
    @Test func `a frame is its length, big-endian, and the payload`() throws {
        #expect(try ControlFrame.encode([7, 8, 9]) == [0, 0, 0, 3, 7, 8, 9])
        let longest = try ControlFrame.encode(Array(repeating: 1, count: 65_536))
        #expect(longest.prefix(4) == [0, 1, 0, 0])
    }

    @Test func `neither an empty payload nor one beyond 64 KiB makes a frame`() {
        #expect(throws: FrameError.empty) { try ControlFrame.encode([]) }
        #expect(throws: FrameError.tooLong(65_537)) {
            try ControlFrame.encode(Array(repeating: 0, count: 65_537))
        }
    }

    @Test(arguments: 0..<64)
    func `however the stream is cut, the same payloads come out`(seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        let payloads = (0..<20).map { _ in
            let length = generator.next() % 4 == 0 ? generator.next() % 65_536 + 1 : generator.next() % 40 + 1
            return (0..<length).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        }
        var rest = try payloads.flatMap { try ControlFrame.encode($0) }[...]
        var decoder = FrameDecoder()
        var decoded: [[UInt8]] = []
        while !rest.isEmpty {
            let length = generator.next() % 3 == 0 ? generator.next() % 9 : generator.next() % 70_000
            decoder.append(rest.prefix(Int(length)))
            rest = rest.dropFirst(Int(length))
            // Sometimes a caller reads on before it drains.
            if generator.next() % 4 == 0 { continue }
            while let payload = try decoder.next() { decoded.append(payload) }
        }
        while let payload = try decoder.next() { decoded.append(payload) }
        #expect(decoded == payloads)
        #expect(decoder.bufferedCount == 0)
    }

    @Test func `a truncated frame waits`() throws {
        let frame = try ControlFrame.encode([1, 2, 3])
        for length in 0..<frame.count {
            var decoder = FrameDecoder()
            decoder.append(frame.prefix(length))
            #expect(try decoder.next() == nil)
            #expect(decoder.bufferedCount == length)
        }
    }

    @Test(
        arguments: [
            ([0, 0, 0, 0], FrameError.empty), ([0, 1, 0, 1], .tooLong(65_537)),
            ([0xff, 0xff, 0xff, 0xff], .tooLong(4_294_967_295)),
        ] as [([UInt8], FrameError)])
    func `a bad length is an error at once and for good`(header: [UInt8], error: FrameError) throws {
        var decoder = FrameDecoder()
        decoder.append(try ControlFrame.encode([5]) + header)
        #expect(try decoder.next() == [5])
        #expect(throws: error) { try decoder.next() }
        decoder.append(try ControlFrame.encode([6]))
        #expect(throws: error) { try decoder.next() }
        #expect(decoder.bufferedCount == 0)
    }

    @Test func `a stream of small frames in one large chunk takes linear time`() throws {
        let frame = try ControlFrame.encode([1])
        var decoder = FrameDecoder()
        decoder.append(Array(repeatElement(frame, count: 200_000).joined()))
        var count = 0
        let duration = try ContinuousClock().measure {
            while try decoder.next() != nil { count += 1 }
        }
        #expect(count == 200_000)
        #expect(duration < .seconds(2))
    }

    @Test func `octets one by one into many frames take linear time`() throws {
        let stream = try (0..<50).flatMap { _ in try ControlFrame.encode(Array(repeating: 9, count: 4000)) }
        var decoder = FrameDecoder()
        var count = 0
        let duration = try ContinuousClock().measure {
            for octet in stream {
                decoder.append(CollectionOfOne(octet))
                while try decoder.next() != nil { count += 1 }
            }
        }
        #expect(count == 50)
        #expect(duration < .seconds(2))
    }
}

/// A small seeded generator, so that a failing cut can be repeated.
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
