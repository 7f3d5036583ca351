/// Takes an input apart: a step is an octet that chooses, an octet that qualifies, and a datagram.
///
/// ```
/// | choice | detail | length, 2 octets, big-endian | octets … |
/// ```
struct InputReader {
    struct Step {
        let choice: UInt8
        let detail: UInt8
        let octets: [UInt8]
    }

    private var rest: UnsafeRawBufferPointer.SubSequence
    private var stepsLeft: Int

    init(_ input: UnsafeRawBufferPointer, limit: Int) {
        rest = input[...]
        stepsLeft = limit
    }

    /// A length that runs past the end means all that is left.
    mutating func next() -> Step? {
        guard rest.count >= 4, stepsLeft > 0 else { return nil }
        stepsLeft -= 1
        let head = Array(rest.prefix(4))
        rest = rest.dropFirst(4)
        let octets = Array(rest.prefix(Int(head[2]) << 8 | Int(head[3])))
        rest = rest.dropFirst(octets.count)
        return Step(choice: head[0], detail: head[1], octets: octets)
    }
}
