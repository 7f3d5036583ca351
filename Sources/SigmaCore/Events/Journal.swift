/// The newest events, numbered without a hole, in memory that the shell gives.
///
/// Bounded: when it is full the oldest go, and whoever had not read them is told of the gap. The recorder's
/// acknowledgement says which ones may go without loss.
@safe package struct Journal: ~Copyable {
    package static let defaultCapacity = 1 << 16
    /// 16 octets, new with every new journal.
    package let id: [UInt8]
    package let capacity: Int
    /// 0 before the first.
    package private(set) var newest: UInt64 = 0
    /// Everything up to here is stored elsewhere.
    package private(set) var acknowledged: UInt64 = 0
    /// Events that went before anyone acknowledged them.
    package private(set) var lost: UInt64 = 0
    private let records: UnsafeMutablePointer<EventRecord>

    package static func byteCount(capacity: Int) -> Int { capacity * MemoryLayout<EventRecord>.stride }

    /// - Parameters:
    ///   - memory: ``byteCount(capacity:)`` octets, aligned to 16, alive as long as the journal; not freed.
    ///   - id: 16 random octets.
    @unsafe package init(formatting memory: UnsafeMutableRawPointer, capacity: Int, id: [UInt8]) {
        precondition(id.count == 16 && capacity > 0, "a journal has an id of 16 octets and room")
        self.id = id
        self.capacity = capacity
        // Written before it is read, so that pages which no event has reached cost nothing.
        unsafe records = memory.bindMemory(to: EventRecord.self, capacity: capacity)
    }

    package mutating func append(_ record: EventRecord, time: UInt64) {
        newest += 1
        if newest > UInt64(capacity), newest - UInt64(capacity) > acknowledged { lost &+= 1 }
        var record = record
        record.number = newest
        record.time = time
        unsafe records[Int(newest % UInt64(capacity))] = record
    }

    /// The oldest number that can be read; 1 more than ``newest`` when there is none.
    package var oldest: UInt64 {
        newest >= UInt64(capacity) ? newest - UInt64(capacity) + 1 : 1
    }

    /// `nil` when it is gone or not yet written.
    package subscript(number: UInt64) -> EventRecord? {
        guard number >= oldest, number <= newest else { return nil }
        return unsafe records[Int(number % UInt64(capacity))]
    }

    /// Numbers beyond the newest, and ones going back, are ignored.
    package mutating func acknowledge(_ number: UInt64) {
        guard number <= newest else { return }
        acknowledged = max(acknowledged, number)
    }
}
