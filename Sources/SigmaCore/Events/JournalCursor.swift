/// Where one reader of a journal stands: it gets every event once and in order, or is told what it missed.
package struct JournalCursor: Sendable {
    /// The first number that was not read.
    package private(set) var next: UInt64

    package enum Entry: Sendable {
        case event(EventRecord)
        /// These were overwritten before they were read.
        case gap(first: UInt64, last: UInt64)
    }

    /// - Parameters:
    ///   - next: The first number wanted, of the journal with `id`; 0, or another journal's id, means that
    ///     nothing of this one was read.
    package init(_ journal: borrowing Journal, id: [UInt8], next: UInt64) {
        let isOurs = id == journal.id && next > 0
        self.next = isOurs ? min(next, journal.newest + 1) : 1
    }

    /// - Returns: `nil` at the end, until there is more.
    package mutating func read(_ journal: borrowing Journal) -> Entry? {
        let oldest = journal.oldest
        if next < oldest {
            defer { next = oldest }
            return .gap(first: next, last: oldest - 1)
        }
        guard let record = journal[next] else { return nil }
        next += 1
        return .event(record)
    }
}
