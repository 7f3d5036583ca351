internal import SigmaWire
internal import Synchronization

/// Messages from one thread to another without locks: one producer, one consumer, fixed memory.
///
/// A message lies in one piece and is lent to the consumer where it lies. A full ring takes nothing, which the
/// producer counts: neither side ever waits.
///
/// ```
/// | lengths of header and payload 16 | octets, padded to 16 | lengths 16 | … | to the start 16 |
/// ```
///
/// Head and tail count octets since the beginning and have cache lines of their own: each is written by one side.
@safe package final class MessageRing: @unchecked Sendable {
    private let capacity: Int
    private let mask: UInt64
    private let octets: UnsafeMutableRawPointer
    private let positions: UnsafeMutableRawPointer
    /// The producer's copy of `head`, so that it reads the other side's line only when the ring looks full.
    private var knownHead: UInt64 = 0

    private static let lineLength = 128
    private static let alignment: UInt64 = 16
    /// Stands for a length: the next message begins at the start of the memory.
    private static let toStart = UInt64.max

    /// - Parameter capacity: Octets, a power of two, at least 4096; a message may have a quarter of it.
    package init(capacity: Int) {
        precondition(
            capacity >= 4096 && capacity & (capacity - 1) == 0, "a ring has a power of two of octets")
        self.capacity = capacity
        mask = UInt64(capacity - 1)
        unsafe octets = .allocate(byteCount: capacity, alignment: Self.lineLength)
        unsafe positions = .allocate(byteCount: 2 * Self.lineLength, alignment: Self.lineLength)
        unsafe positions.initializeMemory(as: Atomic<UInt64>.self, to: Atomic(0))
        unsafe (positions + Self.lineLength).initializeMemory(as: Atomic<UInt64>.self, to: Atomic(0))
    }

    deinit {
        unsafe octets.deallocate()
        unsafe positions.deallocate()
    }

    /// Where the consumer is.
    private var head: UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe positions.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Where the producer is.
    private var tail: UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (positions + Self.lineLength).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    // MARK: The producer

    /// Adds a message: `header` and, behind it, `payload`.
    ///
    /// - Returns: `false` when there is no room for it, or it is too long.
    package func append(_ header: RawSpan, _ payload: RawSpan) -> Bool {
        let length = header.byteCount + payload.byteCount
        guard length <= capacity / 4 else { return false }
        let need = Self.space(UInt64(length))
        var position = unsafe tail.pointee.load(ordering: .relaxed)
        let left = UInt64(capacity) - (position & mask)
        // A message that does not fit before the end begins at the start.
        let skipped = left < need ? left : 0
        guard hasRoom(position, need + skipped) else { return false }
        if skipped > 0 {
            store(Self.toStart, at: position)
            position += skipped
        }
        store(UInt64(header.byteCount), at: position)
        store(UInt64(payload.byteCount), at: position + 8)
        let place = unsafe octets + Int(position & mask) + 16
        unsafe header.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(start: place, count: source.count).copyMemory(from: source)
        }
        unsafe payload.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(start: place + header.byteCount, count: source.count)
                .copyMemory(from: source)
        }
        unsafe tail.pointee.store(position + need, ordering: .releasing)
        return true
    }

    private func hasRoom(_ position: UInt64, _ need: UInt64) -> Bool {
        if position + need - knownHead <= UInt64(capacity) { return true }
        knownHead = unsafe head.pointee.load(ordering: .acquiring)
        return position + need - knownHead <= UInt64(capacity)
    }

    private func store(_ word: UInt64, at position: UInt64) {
        unsafe octets.storeBytes(of: word, toByteOffset: Int(position & mask), as: UInt64.self)
    }

    /// Octets that a message takes: its two lengths, and itself, padded to 16.
    private static func space(_ length: UInt64) -> UInt64 { 16 + (length + alignment - 1) & ~(alignment - 1) }

    private func load(_ position: UInt64) -> UInt64 {
        unsafe octets.load(fromByteOffset: Int(position & mask), as: UInt64.self)
    }

    // MARK: The consumer

    /// Lends the oldest message to `body`, which may write on its payload, and takes it away.
    ///
    /// - Returns: `false` when there is none.
    package func take(_ body: (_ header: RawSpan, _ payload: inout MutableRawSpan) -> Void) -> Bool {
        var position = unsafe head.pointee.load(ordering: .relaxed)
        let end = unsafe tail.pointee.load(ordering: .acquiring)
        guard position != end else { return false }
        if load(position) == Self.toStart { position += UInt64(capacity) - (position & mask) }
        let headerLength = load(position)
        let payloadLength = load(position + 8)
        let place = unsafe octets + Int(position & mask) + 16
        let header = unsafe RawSpan(_unsafeStart: place, byteCount: Int(headerLength))
        var payload = unsafe MutableRawSpan(
            _unsafeBytes: UnsafeMutableRawBufferPointer(
                start: place + Int(headerLength), count: Int(payloadLength)))
        body(header, &payload)
        unsafe head.pointee.store(
            position + Self.space(headerLength + payloadLength), ordering: .releasing)
        return true
    }

    /// Whether a message waits; for the consumer.
    package var isEmpty: Bool {
        unsafe head.pointee.load(ordering: .relaxed) == tail.pointee.load(ordering: .acquiring)
    }
}
