import SigmaCore
import SigmaTestKit
import Synchronization
import Testing

private func octets(_ count: Int, seed: UInt64) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ((UInt64($0) &+ seed) &* 0x9E37_79B9_7F4A_7C15) >> 56) }
}

private func append(_ header: [UInt8], _ payload: [UInt8], to ring: MessageRing) -> Bool {
    unsafe ring.append(header.span.bytes, payload.span.bytes)
}

private func take(from ring: MessageRing) -> [UInt8]? {
    var message: [UInt8]?
    _ = ring.take { header, payload in
        message = unsafe header.withUnsafeBytes { unsafe Array($0) } + payload.withUnsafeBytes { Array($0) }
    }
    return message
}

@Suite struct MessageRingTests {
    @Test func `messages come out whole and in order, over every place of the ring`() {
        let ring = MessageRing(capacity: 4096)
        var random = SplitMix64(seed: 1)
        var sent: [[UInt8]] = []
        var taken = 0
        for step in 0..<20_000 {
            let header = octets(Int.random(in: 0...40, using: &random), seed: UInt64(step))
            let payload = octets(Int.random(in: 0...900, using: &random), seed: UInt64(step) &+ 7)
            if append(header, payload, to: ring) { sent.append(header + payload) }
            if Bool.random(using: &random), let message = take(from: ring) {
                #expect(message == sent[taken])
                taken += 1
            }
        }
        while let message = take(from: ring) {
            #expect(message == sent[taken])
            taken += 1
        }
        #expect(taken == sent.count)
        #expect(taken > 5000)
        #expect(ring.isEmpty)
    }

    @Test func `a full ring takes nothing and loses nothing`() {
        let ring = MessageRing(capacity: 4096)
        var count = 0
        while append([1, 2, 3], octets(100, seed: 0), to: ring) { count += 1 }
        // 16 for the length, 112 for 103 octets.
        #expect(count == 4096 / 128)
        for _ in 0..<count { #expect(take(from: ring)?.count == 103) }
        #expect(take(from: ring) == nil)
        #expect(append([1], [], to: ring))
    }

    @Test func `a message of more than a quarter of the ring is refused`() {
        let ring = MessageRing(capacity: 4096)
        #expect(!append([], octets(1025, seed: 0), to: ring))
        #expect(append([], octets(1024, seed: 0), to: ring))
    }

    @Test func `one thread writes while another reads`() async {
        let ring = MessageRing(capacity: 1 << 14)
        let total = 20_000
        let producer = Task.detached {
            var number = 0
            while number < total {
                let message = unsafe withUnsafeBytes(of: UInt64(number)) { unsafe Array($0) }
                if append(message, octets(number % 300, seed: UInt64(number)), to: ring) {
                    number += 1
                } else {
                    await Task.yield()
                }
            }
        }
        var expected = 0
        while expected < total {
            guard let message = take(from: ring) else {
                await Task.yield()
                continue
            }
            let number = unsafe message.span.bytes.unsafeLoadUnaligned(as: UInt64.self)
            guard number == UInt64(expected), message.count == 8 + expected % 300,
                Array(message[8...]) == octets(expected % 300, seed: UInt64(expected))
            else {
                Issue.record("message \(expected) came out as \(number), \(message.count) octets")
                return
            }
            expected += 1
        }
        await producer.value
        #expect(ring.isEmpty)
    }
}
