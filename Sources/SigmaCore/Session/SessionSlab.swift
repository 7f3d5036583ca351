internal import SigmaWire

/// The session records of the process, in memory that the shell gives: a memfd, or plain memory in tests.
///
/// ```
/// | header: magic, version, record length, count | record 0 | record 1 | …
/// ```
@safe package struct SessionSlab: ~Copyable {
    package let count: Int
    private let records: UnsafeMutablePointer<SessionRecord>
    private var freeSlots: [UInt32]

    package static let headerLength = 4096
    /// Reads "SIGMASLB".
    private static let magic: UInt64 = 0x5349_474D_4153_4C42
    private static let version: UInt64 = 1

    package static func byteCount(for count: Int) -> Int { headerLength + count * SessionRecord.length }

    /// Formats `memory` for `count` sessions.
    ///
    /// - Parameters:
    ///   - memory: ``byteCount(for:)`` octets, page-aligned, zeroed, alive as long as the slab; not freed.
    ///   - count: 1 to 2²⁰, since a ufrag carries 20 bits of slot.
    @unsafe package init(formatting memory: UnsafeMutableRawPointer, count: Int) {
        precondition(
            MemoryLayout<SessionRecord>.stride <= SessionRecord.length, "the record has outgrown its slot")
        precondition((1...(1 << 20)).contains(count), "a handle has 20 bits of slot")
        unsafe memory.storeBytes(of: Self.magic, as: UInt64.self)
        unsafe memory.storeBytes(of: Self.version, toByteOffset: 8, as: UInt64.self)
        unsafe memory.storeBytes(of: UInt64(SessionRecord.length), toByteOffset: 16, as: UInt64.self)
        unsafe memory.storeBytes(of: UInt64(count), toByteOffset: 24, as: UInt64.self)
        unsafe records = (memory + Self.headerLength).assumingMemoryBound(to: SessionRecord.self)
        self.count = count
        freeSlots = (0..<UInt32(count)).reversed()
        for slot in 0..<count { unsafe address(slot).initialize(to: SessionRecord()) }
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
        var cold = cold
        cold.checksum = Self.checksum(cold)
        self[slot].cold[other] = cold
        self[slot].commit = (commit & ~1) &+ 2 | UInt64(other)
    }

    /// Over the octets of the record with its checksum field as 0.
    package static func checksum(_ cold: ColdRecord) -> UInt32 {
        var cold = cold
        cold.checksum = 0
        return unsafe withUnsafeBytes(of: cold) { CRC32.checksum(unsafe RawSpan(_unsafeBytes: $0)) }
    }
}
