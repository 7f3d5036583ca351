/// Damages datagrams the way a hostile or broken peer would, from a seed.
package struct Mutator: Sendable {
    private var random: SplitMix64

    package init(seed: UInt64) { random = SplitMix64(seed: seed) }

    /// One to four of: flipped bits, set octets, a cut, growth, a doubled or removed part.
    package mutating func mutate(_ original: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0...Int.random(in: 0...3, using: &random) { step(&bytes) }
        return bytes
    }

    private mutating func step(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else {
            bytes = random.octets(Int.random(in: 0...40, using: &random))
            return
        }
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0...6, using: &random) {
        case 0: bytes[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 1: bytes[at] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
        case 2: bytes.removeSubrange(at...)
        case 3: bytes += random.octets(Int.random(in: 1...24, using: &random))
        case 4: bytes.insert(contentsOf: bytes[at...].prefix(16), at: at)
        case 5: bytes.removeSubrange(at..<min(bytes.count, at + 8))
        default:
            // Lengths and types stand near the front.
            bytes[min(at, at % 24)] = UInt8.random(in: 0...255, using: &random)
        }
    }
}
