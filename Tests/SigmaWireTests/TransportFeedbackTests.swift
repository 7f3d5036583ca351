import SigmaTestKit
import SigmaWire
import Testing

/// Reads feedback as the draft draws it, with none of the product's code.
private struct Decoded: Equatable {
    var sender: UInt32
    var media: UInt32
    var base: UInt16
    var number: UInt8
    /// Nanoseconds, from a reference modulo 2²⁴ · 64 ms; `nil`: not received.
    var arrivals: [Int64?]

    enum Fault: Error { case head, length, chunk, deltas, padding }

    init(_ bytes: [UInt8]) throws {
        func word(_ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }
        guard bytes.count >= 24, bytes.count % 4 == 0, bytes[0] == 0x8F, bytes[1] == 205 else {
            throw Fault.head
        }
        guard word(2) == bytes.count / 4 - 1 else { throw Fault.length }
        sender = UInt32(word(4) << 16 | word(6))
        media = UInt32(word(8) << 16 | word(10))
        base = UInt16(word(12))
        number = bytes[19]
        let count = word(14)
        var symbols: [Int] = []
        var place = 20
        while symbols.count < count {
            guard place + 2 <= bytes.count else { throw Fault.chunk }
            let bits = String(word(place) | 0x10000, radix: 2).dropFirst().map { $0 == "1" ? 1 : 0 }
            place += 2
            if bits[0] == 0 {
                let length = bits[3...].reduce(0) { $0 * 2 + $1 }
                guard length > 0 else { throw Fault.chunk }
                symbols += Array(repeating: bits[1] * 2 + bits[2], count: length)
            } else if bits[1] == 0 {
                symbols += bits[2...]
            } else {
                symbols += stride(from: 2, to: 16, by: 2).map { bits[$0] * 2 + bits[$0 + 1] }
            }
        }
        guard symbols[count...].allSatisfy({ $0 == 0 }) || symbols.count == count else { throw Fault.chunk }
        var time = Int64(word(16) << 8 | Int(bytes[18])) * 64_000_000
        arrivals = []
        for symbol in symbols.prefix(count) {
            guard symbol < 3, place + symbol <= bytes.count else { throw Fault.deltas }
            if symbol == 1 { time += Int64(bytes[place]) * 250_000 }
            if symbol == 2 { time += Int64(Int16(truncatingIfNeeded: word(place))) * 250_000 }
            place += symbol
            arrivals.append(symbol == 0 ? nil : time)
        }
        guard bytes.count - place < 4, bytes[place...].allSatisfy({ $0 == 0 }) else { throw Fault.padding }
    }
}

/// How packets come, by a seed.
private struct Pattern {
    var base: UInt16
    var arrivals: [Int64?]

    init(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        base =
            random.chance(0.5)
            ? UInt16.random(in: 65_000...65_535, using: &random) : .random(in: 0...65_535, using: &random)
        let loss = [0, 0.01, 0.1, 0.5, 0.9][Int.random(in: 0...4, using: &random)]
        let spacing = [100_000, 1_000_000, 20_000_000, 90_000_000][Int.random(in: 0...3, using: &random)]
        let jitter = [0, 300_000, 40_000_000, 3_000_000_000][Int.random(in: 0...3, using: &random)]
        let rareGap: Int64 = random.chance(0.2) ? 10_000_000_000 : 0
        var time = Int64.random(in: 0...(1 << 50), using: &random)
        arrivals = []
        for _ in 0..<Int.random(in: 1...1500, using: &random) {
            time += Int64.random(in: 0...Int64(spacing) * 2, using: &random)
            if rareGap > 0, random.chance(0.01) { time += rareGap }
            let late = Int64.random(in: 0...Int64(jitter), using: &random)
            arrivals.append(random.chance(loss) ? nil : time + (random.chance(0.3) ? late : 0))
        }
        // A feedback speaks of something that has come.
        arrivals.append(time)
    }
}

@Suite("TransportFeedback: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1")
struct TransportFeedbackTests {
    private static let period: Int64 = (1 << 24) * 64_000_000
    private let sender = SSRC(rawValue: 0x0102_0304)
    private let media = SSRC(rawValue: 0xFFFE_FDFC)

    private func write(_ feedback: TransportFeedback, number: UInt8 = 7) -> [UInt8] {
        written { bytes in
            var writer = RTCPWriter()
            writer.appendTransportFeedback(feedback, from: sender, to: media, number: number, in: &bytes)
            return writer.length
        }
    }

    /// One packet, and how many statuses it took.
    private func packet(_ base: UInt16, _ arrivals: ArraySlice<Int64?>) throws -> (bytes: [UInt8], count: Int)
    {
        let first = try #require(arrivals.lazy.compactMap { $0 }.first)
        var feedback = TransportFeedback(base: base, first: first)
        var count = 0
        for arrival in arrivals {
            guard feedback.add(arrival) else { break }
            count += 1
        }
        return (write(feedback), count)
    }

    private func distance(_ told: Int64, _ real: Int64) -> Int64 {
        let difference = (told - real) % Self.period
        return min(abs(difference), Self.period - abs(difference))
    }

    @Test func `whatever the pattern, a reader gets every status and every time within 125 µs`() throws {
        for seed in UInt64(1)...3000 {
            let pattern = Pattern(seed: seed)
            var rest = pattern.arrivals[...]
            var base = pattern.base
            while rest.contains(where: { $0 != nil }) {
                let (bytes, count) = try packet(base, rest)
                try #require(count > 0 && bytes.count <= TransportFeedback.lengthLimit, "seed \(seed)")
                let read = try Decoded(bytes)
                let told = rest.prefix(count)
                let isRight =
                    read.base == base && read.arrivals.count == count
                    && zip(read.arrivals, told).allSatisfy { read, real in
                        guard let read, let real else { return (read == nil) == (real == nil) }
                        return distance(read, real) <= 125_000
                    }
                try #require(isRight, "seed \(seed)")
                try #require(try reread(bytes) == read.arrivals, "seed \(seed)")
                rest = rest.dropFirst(count)
                base &+= UInt16(count)
            }
        }
    }

    /// What the product's own reader makes of it.
    private func reread(_ bytes: [UInt8]) throws -> [Int64?]? {
        let compound = try RTCPCompoundView(bytes.span.bytes)
        var packets = compound.packets
        guard let packet = packets.next(in: compound), let view = TransportFeedbackView(packet, in: compound)
        else { return nil }
        var arrivals: [Int64?] = []
        var statuses = view.statuses
        while let status = statuses.next(in: compound) {
            guard status.number == view.baseNumber &+ UInt16(arrivals.count) else { return nil }
            arrivals.append(status.arrival)
        }
        return arrivals
    }

    @Test func `the head names sender, media, base and number`() throws {
        let (bytes, _) = try packet(0xFFFE, [1_000_000_000, nil, 1_000_250_000])
        let read = try Decoded(bytes)
        #expect(read.sender == sender.rawValue && read.media == media.rawValue)
        #expect(read.base == 0xFFFE && read.number == 7)
        // 15 · 64 ms, 160 ticks, missing, 1 tick; two of the three are small, so one chunk of two bits.
        #expect(bytes[16..<19] == [0, 0, 15])
        #expect(Array(bytes[20...]) == [0b1101_0001, 0, 160, 1])
    }

    @Test func `packets that come steadily are one run`() throws {
        let (bytes, count) = try packet(1, (0..<800).map { Int64($0) * 1_000_000 }[...])
        #expect(count == 800)
        // 800 of symbol 1, no chunk else.
        #expect(bytes.count == 20 + (2 + 800 + 3) / 4 * 4)
        #expect(bytes[20..<22] == [0b0010_0011, 0b0010_0000])
    }

    @Test func `a gap of thousands is a chunk or two`() throws {
        let gap = [Int64?](repeating: nil, count: 9000)
        let (bytes, count) = try packet(60_000, ([0] + gap + [64_000_000])[...])
        #expect(count == 9002)
        #expect(bytes.count <= 36)
        #expect(try Decoded(bytes).arrivals.compactMap { $0 } == [0, 64_000_000])
    }

    @Test(arguments: [(8_191, true), (8_192, false), (-8_192, true), (-8_193, false)])
    func `a time too far from the last one begins the next packet`(milliseconds: Int64, fits: Bool) throws {
        var feedback = TransportFeedback(base: 0, first: 64_000_000_000)
        let (first, second) = (
            feedback.add(64_000_000_000), feedback.add(64_000_000_000 + milliseconds * 1_000_000)
        )
        #expect(first && second == fits)
        #expect(try Decoded(write(feedback)).arrivals.count == (fits ? 2 : 1))
    }

    @Test func `rounding does not add up`() throws {
        // Each a little less than half a tick beyond one.
        let arrivals = (0..<900).map { Int64?(Int64($0) * 10_120_000) }
        let read = try Decoded(packet(0, arrivals[...]).bytes).arrivals
        for (told, real) in zip(read, arrivals) {
            #expect(abs((told ?? .max / 2) - (real ?? 0)) <= 125_000)
        }
    }

    @Test func `what is cut off, empty or reserved is not read`() throws {
        let (bytes, _) = try packet(9, [0, nil, 20_000_000, 200_000_000, nil, 1_000_000_000])
        var cut = bytes
        cut.removeLast(4)
        cut[3] -= 1
        var empty = bytes
        empty[14] = 0
        empty[15] = 0
        var reserved = bytes
        reserved[20] = 0xFF
        var noRun = bytes
        noRun[20] = 0
        noRun[21] = 0
        for broken in [cut, empty, reserved, noRun] {
            #expect(try reread(broken) == nil)
        }
        #expect(try reread(bytes) != nil)
    }
}

@Suite("ReceiverEstimatedBitrate: draft-alvestrand-rmcat-remb-03 §2.2")
struct ReceiverEstimatedBitrateTests {
    private func write(_ bitrate: UInt64, _ ssrcs: [SSRC]) -> [UInt8] {
        written { bytes in
            var writer = RTCPWriter()
            writer.appendReceiverEstimatedBitrate(bitrate, from: SSRC(rawValue: 1), for: ssrcs, in: &bytes)
            return writer.length
        }
    }

    @Test func `is written as drawn`() {
        let bytes = write(1_000_000, [SSRC(rawValue: 0xCAFE_BABE)])
        // 1 000 000 = 250 000 · 2².
        #expect(
            bytes
                == octets("8fce 0005 0000 0001 0000 0000 52454d42 01 0b d090 cafebabe"))
    }

    @Test(arguments: [0, 1, 262_143, 262_144, 999_999, 50_000_000, 1 << 40, .max] as [UInt64])
    func `keeps 18 bits of any bitrate, rounded down`(bitrate: UInt64) throws {
        let ssrcs = [SSRC(rawValue: 5), SSRC(rawValue: 0xFFFF_FFFF)]
        let bytes = write(bitrate, ssrcs)
        let compound = try RTCPCompoundView(bytes.span.bytes)
        var packets = compound.packets
        let next = packets.next(in: compound)
        let packet = try #require(next)
        let read = ReceiverEstimatedBitrate(packet, in: compound)
        let estimate = try #require(read)
        #expect(estimate.bitrate <= bitrate && bitrate - estimate.bitrate <= bitrate >> 17)
        let sources = (0..<3).map { estimate.ssrc($0, in: compound) }
        #expect(sources == ssrcs + [nil])
    }

    @Test func `what lacks an SSRC or goes beyond 64 bits is not read`() throws {
        var missing = write(1000, [SSRC(rawValue: 5)])
        missing[16] = 2
        var huge = write(.max, [])
        huge[17] = 0xFF
        for bytes in [missing, huge] {
            let compound = try RTCPCompoundView(bytes.span.bytes)
            var packets = compound.packets
            let packet = packets.next(in: compound)
            let read = packet.flatMap { ReceiverEstimatedBitrate($0, in: compound) }
            #expect(read == nil)
        }
    }
}
