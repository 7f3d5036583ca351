package import SigmaWire

/// When the packets of one transport have come, by transport-wide sequence number, and what of it was not yet told.
///
/// The numbers of the last 1024 packets are kept, in fixed memory. A feedback speaks of all numbers from the first
/// that it has news of to the highest. So a packet that was told to be missing, and comes after all, is in the next
/// feedback, with those behind it once more; the sender knows them and goes on (libwebrtc's receiver does the same).
/// One that comes a second time keeps its first time.
///
/// - SeeAlso: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3
package struct ArrivalLog: Sendable {
    /// Numbers that are kept behind the highest.
    package static let capacity: UInt64 = 1024
    /// So many packets in a row with numbers older than that are a sender that began anew.
    private static let strayLimit = 64
    /// No packet with this number has come.
    private static let missing = Int64.min

    private var arrivals = InlineArray<1024, Int64>(repeating: missing)
    /// Behind the highest number; 0 before the first packet.
    private var end: UInt64 = 0
    /// The first number that the next feedback speaks of.
    private var next: UInt64 = 0
    private var strays = 0
    /// Packets that no feedback has spoken of.
    package private(set) var unreported = 0
    /// When the first of them came.
    package private(set) var unreportedSince: Instant?

    package init() {}

    /// Notes a packet.
    ///
    /// - Complexity: O(1) but for numbers that were left out: at most ``capacity`` of them.
    package mutating func note(_ number: UInt16, arrival: Instant) {
        guard end > 0 else {
            // A wrap above 0, so that those before it have a number too.
            end = UInt64(number) + 0x1_0000
            next = end
            advance(past: end)
            store(end - 1, arrival)
            return
        }
        var index = SequenceNumber.extend(number, near: end - 1)
        if index + Self.capacity < end {
            strays += 1
            guard strays >= Self.strayLimit else { return }
            index += 0x1_0000
        }
        strays = 0
        if index >= end {
            advance(past: index)
        } else if arrivals[Self.place(index)] != Self.missing {
            return
        }
        store(index, arrival)
    }

    private mutating func store(_ index: UInt64, _ arrival: Instant) {
        // The value that stands for none is no time either.
        arrivals[Self.place(index)] = max(arrival.nanoseconds, Self.missing + 1)
        next = min(next, index)
        unreported += 1
        unreportedSince = unreportedSince ?? arrival
    }

    private mutating func advance(past index: UInt64) {
        let first = max(end, index + 1 - min(index + 1, Self.capacity))
        for number in first...index { arrivals[Self.place(number)] = Self.missing }
        end = index + 1
    }

    private static func place(_ index: UInt64) -> Int { Int(index % capacity) }

    /// Takes what one feedback packet can carry of what was not yet told.
    ///
    /// - Returns: `nil` when there is nothing.
    package mutating func takeFeedback() -> TransportFeedback? {
        guard unreported > 0 else { return nil }
        let start = max(next, end - min(end, Self.capacity))
        guard let first = (start..<end).first(where: { arrivals[Self.place($0)] != Self.missing }) else {
            return nil
        }
        var feedback = TransportFeedback(
            base: UInt16(truncatingIfNeeded: start), first: arrivals[Self.place(first)])
        var number = start
        while number < end {
            let arrival = arrivals[Self.place(number)]
            guard feedback.add(arrival == Self.missing ? nil : arrival) else { break }
            number += 1
        }
        next = number
        if number == end {
            unreported = 0
            unreportedSince = nil
        }
        return feedback
    }
}
