internal import SigmaWire

/// The session records of the process, in memory that the shell gives: a memfd, or plain memory in tests.
///
/// ```
/// | header | record 0 | record 1 | …
/// ```
///
/// With several shards each has a part of the records: ``init(records:count:)``.
///
/// - SeeAlso: ``SessionSlabView``, which reads it back.
@safe package struct SessionSlab: ~Copyable {
    package let count: Int
    private let records: UnsafeMutablePointer<SessionRecord>
    private var freeSlots: [UInt32]

    /// Octets before the first record, of which ``SlabHeader`` uses the first.
    package static let headerLength = 4096
    /// A ufrag carries 20 bits of slot.
    package static let countLimit = 1 << 20

    package static func byteCount(for count: Int) -> Int { headerLength + count * SessionRecord.length }

    /// Formats `memory` for `count` sessions.
    ///
    /// - Parameters:
    ///   - memory: ``byteCount(for:)`` octets, page-aligned, zeroed, alive as long as the slab; not freed.
    ///   - count: 1 to ``countLimit``.
    ///   - journalID: 16 octets: the journal that lives and dies with these sessions.
    @unsafe package init(formatting memory: UnsafeMutableRawPointer, count: Int, journalID: [UInt8]) {
        unsafe Self.writeHeader(to: memory, count: count, journalID: journalID)
        unsafe self.init(records: memory + Self.headerLength, count: count)
    }

    /// Writes what says how many records follow, of all shards.
    @unsafe package static func writeHeader(
        to memory: UnsafeMutableRawPointer, count: Int, journalID: [UInt8]
    ) {
        precondition((1...Self.countLimit).contains(count), "a handle has 20 bits of slot")
        unsafe SlabHeader.write(to: memory, count: count, journalID: journalID)
    }

    /// Takes `count` records of a slab whose header is written elsewhere.
    ///
    /// - Parameter records: `count` times ``SessionRecord/length`` zeroed octets behind the header, alive as long
    ///   as this; not freed.
    @unsafe package init(records: UnsafeMutableRawPointer, count: Int) {
        precondition(
            MemoryLayout<SessionRecord>.stride <= SessionRecord.length, "the record has outgrown its slot")
        precondition((1...Self.countLimit).contains(count), "a handle has 20 bits of slot")
        unsafe self.records = records.assumingMemoryBound(to: SessionRecord.self)
        self.count = count
        // Records stay zero, and their pages untouched, until their slot is taken: the commit word of a free one is 0.
        freeSlots = (0..<UInt32(count)).reversed()
    }

    private func address(_ slot: Int) -> UnsafeMutablePointer<SessionRecord> {
        precondition(slot >= 0 && slot < count, "no such slot")
        // The stride of the struct may be less than that of the slots.
        return unsafe (UnsafeMutableRawPointer(records) + slot * SessionRecord.length)
            .assumingMemoryBound(to: SessionRecord.self)
    }

    /// The record of `slot`, in place.
    package subscript(slot: Int) -> SessionRecord {
        unsafeAddress { unsafe UnsafePointer(address(slot)) }
        mutating unsafeMutableAddress { unsafe address(slot) }
    }

    /// Takes a free slot, whose record is new but for its generation; `nil` when all are taken.
    package mutating func allocate() -> SessionHandle? {
        guard let slot = freeSlots.popLast() else { return nil }
        let generation = self[Int(slot)].generation &+ 1
        unsafe address(Int(slot)).update(repeating: SessionRecord(), count: 1)
        self[Int(slot)].generation = generation
        return SessionHandle(slot: slot, generation: generation)
    }

    /// Gives a slot back; keys and credentials in it are overwritten.
    package mutating func free(_ handle: SessionHandle) {
        guard isCurrent(handle) else { return }
        let slot = Int(handle.slot)
        unsafe address(slot).update(repeating: SessionRecord(), count: 1)
        self[slot].generation = handle.generation
        freeSlots.append(handle.slot)
    }

    package var freeCount: Int { freeSlots.count }

    /// Whether the handle's tenant still lives in its slot and was committed.
    package func isCurrent(_ handle: SessionHandle) -> Bool {
        let slot = Int(handle.slot)
        guard slot < count else { return false }
        return self[slot].generation == handle.generation && self[slot].commit != 0
    }

    /// A copy of the committed cold part of `slot`, to be changed and committed.
    package func cold(_ slot: Int) -> ColdRecord { self[slot].current }

    /// Replaces the cold part of `slot` so that a reader, or the next process, sees the old or the new one
    /// whole.
    package mutating func commit(_ cold: ColdRecord, slot: Int) {
        let commit = self[slot].commit
        let other = Int(commit & 1) ^ 1
        let next = (commit & ~1) &+ 2 | UInt64(other)
        self[slot].cold[other] = cold
        // Over the octets as they lie there: an assignment owes nothing to the padding.
        let copy = unsafe UnsafeRawPointer(address(slot)) + SessionRecord.coldRange(other).lowerBound
        self[slot].cold[other].checksum = ColdRecord.checksum(
            unsafe RawSpan(_unsafeStart: copy, byteCount: MemoryLayout<ColdRecord>.size), commit: next,
            generation: self[slot].generation)
        self[slot].commit = next
    }
}
