/// Datagrams on their way out: an arena of equal slots, filled by the engine, emptied by the shell.
///
/// Preallocated and never grown: when it is full the engine stops, the shell sends, and the engine goes on.
@safe package struct DatagramBatch: ~Copyable {
    /// Octets of one slot: the largest datagram that an Ethernet path carries, and a little.
    package static let slotLength = 1536

    package let capacity: Int
    package private(set) var count = 0
    private let arena: UnsafeMutableRawBufferPointer
    private var lengths: [Int]
    private var paths: [Path]

    package init(capacity: Int) {
        self.capacity = capacity
        unsafe arena = .allocate(byteCount: capacity * Self.slotLength, alignment: 64)
        lengths = Array(repeating: 0, count: capacity)
        paths = Array(repeating: Path(local: .unspecified, remote: .unspecified), count: capacity)
    }

    deinit { unsafe arena.deallocate() }

    package var isFull: Bool { count == capacity }

    /// Hands the next free slot to `body`, which returns how many octets it wrote; 0 leaves the slot free.
    ///
    /// - Returns: `false` when the batch is full; `body` was not called then.
    @discardableResult
    package mutating func append(on path: Path, _ body: (inout MutableRawSpan) -> Int) -> Bool {
        guard count < capacity else { return false }
        let start = count * Self.slotLength
        let slot = unsafe UnsafeMutableRawBufferPointer(rebasing: arena[start..<(start + Self.slotLength)])
        var span = unsafe MutableRawSpan(_unsafeBytes: slot)
        let length = body(&span)
        precondition(length <= Self.slotLength, "a datagram is longer than its slot")
        guard length > 0 else { return true }
        lengths[count] = length
        paths[count] = path
        count += 1
        return true
    }

    /// Adds a copy of `datagram`; leaves it out when it is longer than a slot.
    @discardableResult
    package mutating func append(_ datagram: [UInt8], on path: Path) -> Bool {
        append(on: path) { slot in
            guard datagram.count <= slot.byteCount else { return 0 }
            slot.copy(unsafe datagram.span.bytes, to: 0)
            return datagram.count
        }
    }

    package func path(at index: Int) -> Path { paths[index] }

    package func length(at index: Int) -> Int { lengths[index] }

    /// A copy, for simulation and tests.
    package func datagram(at index: Int) -> [UInt8] {
        let start = index * Self.slotLength
        return unsafe Array(arena[start..<(start + lengths[index])])
    }

    /// Where datagram `index` lies; valid until the batch is changed or freed.
    @unsafe package func pointer(at index: Int) -> UnsafeMutableRawPointer? {
        unsafe arena.baseAddress.map { unsafe $0 + index * Self.slotLength }
    }

    package mutating func removeAll() { count = 0 }
}
