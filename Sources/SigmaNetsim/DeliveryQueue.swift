/// Datagrams under way, by the time at which they arrive; equal times keep the order of sending.
struct DeliveryQueue: Sendable {
    private struct Entry: Sendable {
        let at: Int64
        let number: UInt64
        let delivery: Delivery

        func isBefore(_ other: Entry) -> Bool { (at, number) < (other.at, other.number) }
    }

    /// A binary heap: none is before its parent, which is at half its index.
    private var entries: [Entry] = []
    private var sent: UInt64 = 0

    var first: Int64? { entries.first?.at }

    mutating func insert(_ delivery: Delivery, at time: Int64) {
        sent += 1
        entries.append(Entry(at: time, number: sent, delivery: delivery))
        var index = entries.count - 1
        while index > 0, entries[index].isBefore(entries[(index - 1) / 2]) {
            entries.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// The next that has arrived by `now`.
    mutating func removeFirst(at now: Int64) -> Delivery? {
        guard let first, first <= now else { return nil }
        entries.swapAt(0, entries.count - 1)
        let removed = entries.removeLast()
        var index = 0
        while let child = earlierChild(of: index), entries[child].isBefore(entries[index]) {
            entries.swapAt(child, index)
            index = child
        }
        return removed.delivery
    }

    private func earlierChild(of index: Int) -> Int? {
        let left = 2 * index + 1
        guard left < entries.count else { return nil }
        let right = left + 1
        return right < entries.count && entries[right].isBefore(entries[left]) ? right : left
    }
}
