internal import SigmaWire

/// A slab that another process wrote, read without trusting an octet of it.
///
/// Whatever lies in the memory, nothing traps: the header is right or the slab is refused whole; a record is
/// right or it is left out and the reason counted. What is checked is what the process would otherwise stumble
/// over later: the checksum of the cold part, the range of every field, the order of those that only grow.
///
/// ```
/// header ─▶ commit word ─▶ cold copy it names ─▶ the other copy, when that one is torn ─▶ ranges ─▶ session
/// ```
package struct SessionSlabView: ~Escapable {
    private let memory: RawSpan
    /// Slots.
    package let count: Int
    /// 16 octets: the journal whose events tell of these sessions.
    package let journalID: [UInt8]

    /// - Parameter memory: Exactly as long as the slab; a copy, or memory that nobody writes any more.
    /// - Throws: ``SlabError``.
    @_lifetime(copy memory)
    package init(_ memory: RawSpan) throws(SlabError) {
        guard memory.byteCount >= SessionSlab.headerLength else { throw .truncated }
        guard memory.word(at: SlabHeader.magicOffset) == SlabHeader.magic else { throw .foreign }
        let version = memory.word(at: SlabHeader.versionOffset)
        guard version == SlabHeader.version else { throw .version(version) }
        guard SlabHeader.isWhole(memory) else { throw .checksum }
        guard memory.word(at: SlabHeader.recordLengthOffset) == SessionRecord.length else {
            throw .recordLength
        }
        let count = memory.word(at: SlabHeader.countOffset)
        guard (1...UInt64(SessionSlab.countLimit)).contains(count) else { throw .count }
        guard memory.byteCount == SessionSlab.byteCount(for: Int(count)) else { throw .truncated }
        self.count = Int(count)
        journalID = memory.array(SlabHeader.journalID)
        self.memory = memory
    }

    /// The session in `slot`; `nil` when the slot is free or not there.
    ///
    /// - Parameter now: No moment in the record may be later.
    /// - Throws: ``RecordFault`` for a record that cannot be taken up.
    package func session(_ slot: Int, at now: Instant) throws(RecordFault) -> LoadedSession? {
        guard slot >= 0, slot < count else { return nil }
        let start = SessionSlab.headerLength + slot * SessionRecord.length
        let record = memory.extracting(start..<(start + SessionRecord.length))
        let commit = record.word(at: SessionRecord.commitOffset)
        guard commit != 0 else { return nil }
        // The copies take turns, so the count of the commits says which one it must be.
        guard commit > 1, commit & 1 == commit >> 1 & 1 else { throw .commitWord }
        let generation = record.load(UInt32.self, at: SessionRecord.generationOffset)
        if Self.isWhole(record, commit: commit, generation) {
            return try Self.load(record, commit: commit, slot: slot, at: now, isPrevious: false)
        }
        let previous = (commit & ~1) &- 2 | (commit & 1 ^ 1)
        guard previous > 1, Self.isWhole(record, commit: previous, generation) else { throw .checksum }
        return try Self.load(record, commit: previous, slot: slot, at: now, isPrevious: true)
    }

    private static func isWhole(_ record: RawSpan, commit: UInt64, _ generation: UInt32) -> Bool {
        let copy = record.extracting(SessionRecord.coldRange(Int(commit & 1)))
        return copy.load(UInt32.self, at: ColdRecord.checksumOffset)
            == ColdRecord.checksum(copy, commit: commit, generation: generation)
    }

    private static func load(
        _ record: RawSpan, commit: UInt64, slot: Int, at now: Instant, isPrevious: Bool
    ) throws(RecordFault) -> LoadedSession {
        let range = SessionRecord.coldRange(Int(commit & 1))
        try check(ColdRecord.octetRules, of: record.extracting(range))
        try check(SessionRecord.hotRules, of: record)
        // The other copy may be torn: both are the whole one, which the commit word then names.
        var octets = record.array(0..<SessionRecord.length)
        let whole = record.array(range)
        octets.replaceSubrange(SessionRecord.coldRange(Int(~commit & 1)), with: whole)
        var loaded = unsafe octets.span.bytes.load(SessionRecord.self, at: 0)
        loaded.commit = commit
        try loaded.check(slot: slot, at: now)
        let handle = SessionHandle(slot: UInt32(slot), generation: loaded.generation)
        return LoadedSession(handle: handle, record: loaded, isPrevious: isPrevious)
    }

    private static func check(_ rules: [OctetRule], of octets: RawSpan) throws(RecordFault) {
        for rule in rules where octets.octet(at: rule.offset) >= rule.limit { throw .octet }
    }

    /// Every session that can be taken up, in the order of the slots.
    ///
    /// Of two sessions with one id, and of two publishers of one room, the one in the lower slot counts.
    package func inventory(at now: Instant) -> SlabInventory {
        var inventory = SlabInventory()
        var ids: Set<SessionID> = []
        var published: Set<RoomID> = []
        for slot in 0..<count {
            do throws(RecordFault) {
                guard let session = try session(slot, at: now) else { continue }
                let cold = session.record.current
                guard ids.insert(cold.sessionID).inserted,
                    cold.role == .viewer || published.insert(cold.roomID).inserted
                else { throw .duplicate }
                inventory.sessions.append(session.handle)
                inventory.previousCount += session.isPrevious ? 1 : 0
            } catch {
                inventory.faults[error, default: 0] += 1
            }
        }
        return inventory
    }
}

/// A session as it stood when its process ended; every field is in its range.
package struct LoadedSession {
    package let handle: SessionHandle
    package let record: SessionRecord
    /// The last commit was torn: this is the one before it.
    package let isPrevious: Bool
}

/// What a slab holds.
package struct SlabInventory: Equatable, Sendable {
    package var sessions: [SessionHandle] = []
    /// Those of ``sessions`` whose last commit was torn.
    package var previousCount = 0
    /// Records that were left out, by reason.
    package var faults: [RecordFault: Int] = [:]
}

/// Why no record of a slab is taken up.
package enum SlabError: Error, Equatable, Sendable {
    /// The length of the memory is not that of header and records.
    case truncated
    /// Not a slab of ours.
    case foreign
    case version(UInt64)
    case recordLength
    case count
    case checksum
}

/// Why one record is not taken up.
package enum RecordFault: Error, Equatable, Hashable, Sendable, CaseIterable {
    /// No commit that the writer makes.
    case commitWord
    /// Neither copy of the cold part is whole.
    case checksum
    /// An octet that its enumeration or flag has no value for.
    case octet
    case roomID
    case time
    case credentials
    case fingerprint
    case keys
    case media
    case path
    case egress
    case ingress
    case counters
    /// The id, or the room of a publisher, was there before.
    case duplicate
}

extension RawSpan {
    fileprivate func word(at offset: Int) -> UInt64 { load(UInt64.self, at: offset) }

    /// Host order, unaligned; traps outside the span.
    fileprivate func load<Value: BitwiseCopyable>(_: Value.Type, at offset: Int) -> Value {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self)
    }
}
