/// Datagrams on their way out, filled by the engine, emptied by the shell.
///
/// They lie one behind the other, and those that follow each other on one path with one length form a run, which
/// the kernel takes as one message and cuts up itself (UDP GSO). Preallocated and never grown: when it is full the
/// engine stops, the shell sends, and the engine goes on.
///
/// ```
/// | 1200 | 1200 | 1200 | 310 |  | 1200 | 1200 | 1200 | 310 |  | 96 |
///  ── run of viewer A ──────    ── run of viewer B ──────      reply
/// ```
@safe package struct DatagramBatch: ~Copyable {
    /// Octets of the longest datagram that is taken: what an Ethernet path carries, and a little.
    package static let slotLength = 1536

    package let capacity: Int
    package private(set) var count = 0
    package private(set) var runCount = 0
    private var used = 0
    private let arena: UnsafeMutableRawBufferPointer
    private var runs: [Run]

    /// Datagrams of one path and length, but for the last, which may be shorter.
    package struct Run: BitwiseCopyable, Sendable {
        package var path: Path
        /// Where the first begins, octets from the start of the arena.
        package var start: Int
        /// Octets of all.
        package var octets: Int
        /// Octets of the first.
        package var segment: Int
        package var count: Int
        /// The last one is shorter.
        var isClosed = false

        /// What one message to the kernel may hold (UDP_MAX_SEGMENTS of older kernels, a datagram's own limit).
        static let countLimit = 64
        static let octetLimit = 65_000
        /// What is longer the kernel would have to fragment, which it does not for a run: 1500 less the headers
        /// of IPv6 and UDP.
        static let segmentLimit = 1452

        func takes(_ path: Path, _ length: Int) -> Bool {
            !isClosed && length <= segment && segment <= Self.segmentLimit && count < Self.countLimit
                && octets + length <= Self.octetLimit && self.path == path
        }
    }

    package init(capacity: Int) {
        self.capacity = capacity
        unsafe arena = .allocate(byteCount: capacity * Self.slotLength, alignment: 64)
        let none = Run(
            path: Path(local: .unspecified, remote: .unspecified), start: 0, octets: 0, segment: 0, count: 0)
        runs = Array(repeating: none, count: capacity)
    }

    deinit { unsafe arena.deallocate() }

    package var isFull: Bool { count == capacity }

    /// Hands room for one datagram to `body`, which returns how many octets it wrote; 0 takes it back.
    ///
    /// - Returns: `false` when the batch is full; `body` was not called then.
    @discardableResult
    package mutating func append(on path: Path, _ body: (inout MutableRawSpan) -> Int) -> Bool {
        guard count < capacity else { return false }
        var span = nextSlot
        let length = body(&span)
        take(length, on: path)
        return true
    }

    /// Room for one datagram, which ``take(_:on:)`` then adds; only while ``isFull`` is false.
    package var nextSlot: MutableRawSpan {
        @_lifetime(&self)
        mutating get {
            precondition(count < capacity, "the batch is full")
            let slot = unsafe UnsafeMutableRawBufferPointer(rebasing: arena[used..<(used + Self.slotLength)])
            let span = unsafe MutableRawSpan(_unsafeBytes: slot)
            return unsafe _overrideLifetime(span, mutating: &self)
        }
    }

    /// Adds the datagram that ``nextSlot`` was filled with.
    ///
    /// - Parameter length: Octets; 0 leaves it out.
    package mutating func take(_ length: Int, on path: Path) {
        precondition(length <= Self.slotLength && count < capacity, "a datagram is longer than its slot")
        guard length > 0 else { return }
        let last = runCount - 1
        if last >= 0, runs[last].takes(path, length) {
            runs[last].octets += length
            runs[last].count += 1
            runs[last].isClosed = length < runs[last].segment
        } else {
            runs[runCount] = Run(path: path, start: used, octets: length, segment: length, count: 1)
            runCount += 1
        }
        used += length
        count += 1
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

    /// Run `index`, in order.
    package func run(at index: Int) -> Run {
        precondition(index >= 0 && index < runCount, "no such run")
        return runs[index]
    }

    /// Calls `body` with each datagram in its order, for simulation and tests.
    package func forEach(_ body: (Path, [UInt8]) -> Void) {
        for index in 0..<runCount {
            let run = run(at: index)
            for place in 0..<run.count {
                let start = run.start + place * run.segment
                let end = min(start + run.segment, run.start + run.octets)
                body(run.path, unsafe Array(arena[start..<end]))
            }
        }
    }

    /// Where the octets of `run` lie; valid until the batch is changed or freed.
    @unsafe package func pointer(to run: Run) -> UnsafeMutableRawPointer? {
        unsafe arena.baseAddress.map { unsafe $0 + run.start }
    }

    package mutating func removeAll() {
        count = 0
        runCount = 0
        used = 0
    }
}
