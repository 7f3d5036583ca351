/// Asks a publisher again for the packets of one stream that did not come.
///
/// ```
///  number skipped ──tolerance for reordering──▶ asked ──round trip──▶ asked again … 10 times
///        │                                        │
///        └──── it comes, a newer keyframe does, or it is too old ────▶ forgotten
/// ```
///
/// Both times are learned: how late packets come that were only overtaken, and how long an answer takes.
///
/// - SeeAlso: RFC 4585 §6.2.1 (generic NACK), RFC 4588 (retransmission)
package struct LossRepair: Sendable {
    /// What has become of a packet before it came.
    package enum Arrival: Equatable, Sendable {
        case expected
        /// Others before it have not come.
        case ahead
        /// It was missing, and came late or since it was asked for.
        case late, recovered
        /// It has been there already, as a retransmission.
        case known
    }

    private struct Missing: Sendable {
        let index: UInt64
        let since: Instant
        var requests: UInt8 = 0
        /// When it was asked for first and last.
        var firstRequested = Instant.zero
        var requested = Instant.zero
    }

    /// Requests for one packet.
    private static let requestLimit: UInt8 = 10
    /// Packets that are missed at a time; older ones are given up.
    private static let missingLimit = 256
    private static let recoveredLimit = 64
    /// What comes later than this nobody waits for.
    package static let longestLifetime = Interval.milliseconds(1500)
    private static let leastTolerance = Interval.milliseconds(20)
    private static let longestTolerance = Interval.milliseconds(100)
    private static let leastSpacing = Interval.milliseconds(20)
    /// Before an answer has shown it.
    private static let initialRoundTrip = Interval.milliseconds(100)
    /// What was overtaken longer ago than the last so many packets says little of the network as it is.
    private static let toleranceMemory = 512

    /// In ascending order.
    private var missing: [Missing] = []
    /// What came as a retransmission lately: the original may still come.
    private var recovered: [UInt64] = []
    private var highest: UInt64?
    private var tolerance = Self.leastTolerance
    private var inOrder = 0
    private var roundTrip = Self.initialRoundTrip
    /// Until when a packet is asked for, after it was missed: the sender keeps no longer what it sent (rtx-time,
    /// RFC 4588 §8.1).
    private let lifetime: Interval
    /// Answers have a stream of their own, so that an original is told from its repetition.
    private let hasRTX: Bool

    package init(hasRTX: Bool, lifetime: Interval = Self.longestLifetime) {
        self.hasRTX = hasRTX
        self.lifetime = lifetime
    }

    package var missingCount: Int { missing.count }

    /// Notes a packet of the stream itself.
    package mutating func receive(_ index: UInt64, at now: Instant) -> Arrival {
        guard let highest else {
            self.highest = index
            return .expected
        }
        guard index <= highest else {
            let isAhead = index > highest + 1
            if isAhead { noteMissing(from: highest + 1, before: index, at: now) }
            self.highest = index
            relaxTolerance()
            return isAhead ? .ahead : .expected
        }
        guard let place = place(of: index) else {
            return recovered.contains(index) ? .known : .late
        }
        return take(place, at: now, isOriginal: true)
    }

    /// Notes a packet of the retransmission stream, by the index of the original.
    ///
    /// - Returns: Whether it was missing; else nobody needs it.
    package mutating func receiveRetransmission(of index: UInt64, at now: Instant) -> Bool {
        guard let place = place(of: index) else { return false }
        _ = take(place, at: now, isOriginal: false)
        if recovered.count == Self.recoveredLimit { recovered.removeFirst() }
        recovered.append(index)
        return true
    }

    /// A picture that begins at `index` needs nothing that came before.
    package mutating func supersede(before index: UInt64) {
        missing.removeAll { $0.index < index }
    }

    /// Another source, or another stretch of numbers.
    package mutating func restart() { self = LossRepair(hasRTX: hasRTX, lifetime: lifetime) }

    private mutating func noteMissing(from first: UInt64, before end: UInt64, at now: Instant) {
        let start = end - first > UInt64(Self.missingLimit) ? end - UInt64(Self.missingLimit) : first
        for index in start..<end { missing.append(Missing(index: index, since: now)) }
        if missing.count > Self.missingLimit { missing.removeFirst(missing.count - Self.missingLimit) }
    }

    private func place(of index: UInt64) -> Int? {
        missing.firstIndex { $0.index >= index }.flatMap { missing[$0].index == index ? $0 : nil }
    }

    private mutating func take(_ place: Int, at now: Instant, isOriginal: Bool) -> Arrival {
        let packet = missing.remove(at: place)
        guard packet.requests > 0 else {
            tolerate(now - packet.since)
            return .late
        }
        if isOriginal, hasRTX {
            // It was under way all the time.
            tolerate(now - packet.since)
        } else if packet.requests == 1 {
            learn(now - packet.requested, weight: 2)
        } else {
            // One of several requests cannot be told from the other by its answer. Taken for that of the first, it
            // counts less: or a round trip longer than the guess, which asks twice for everything, were never learned.
            learn(now - packet.firstRequested, weight: 1)
        }
        return .recovered
    }

    /// - Parameter weight: Of 16.
    private mutating func learn(_ answered: Interval, weight: Int64) {
        let answered = max(0, answered.nanoseconds)
        roundTrip = Interval(
            nanoseconds: ((16 - weight) * roundTrip.nanoseconds + weight * answered) / 16)
    }

    private mutating func tolerate(_ lateness: Interval) {
        let wanted = Interval(nanoseconds: lateness.nanoseconds * 5 / 4)
        tolerance = max(tolerance, min(Self.longestTolerance, wanted))
        inOrder = 0
    }

    private mutating func relaxTolerance() {
        inOrder += 1
        guard inOrder >= Self.toleranceMemory else { return }
        inOrder = 0
        tolerance = max(Self.leastTolerance, Interval(nanoseconds: tolerance.nanoseconds * 7 / 8))
    }

    // MARK: Asking

    private func isDue(_ packet: Missing, at now: Instant) -> Bool { due(packet) <= now }

    private func due(_ packet: Missing) -> Instant {
        guard packet.requests > 0 else { return packet.since + tolerance }
        let spacing = max(Self.leastSpacing, Interval(nanoseconds: roundTrip.nanoseconds * 5 / 4))
        return packet.requested + spacing
    }

    /// When ``takeDue(at:atMost:)`` has something next; `nil` while nothing is missing.
    package var deadline: Instant? { missing.lazy.map { due($0) }.min() }

    /// Gives up what is too old or was asked for too often.
    ///
    /// - Returns: How many.
    package mutating func giveUp(at now: Instant) -> Int {
        guard !missing.isEmpty else { return 0 }
        let before = missing.count
        let kept = missing.filter {
            now - $0.since <= lifetime && ($0.requests < Self.requestLimit || !isDue($0, at: now))
        }
        missing = kept
        return before - missing.count
    }

    /// The sequence numbers to ask for now; counts them as asked for.
    package mutating func takeDue(at now: Instant, atMost limit: Int) -> [UInt16] {
        var numbers: [UInt16] = []
        for place in missing.indices where missing[place].requests < Self.requestLimit {
            guard numbers.count < limit else { break }
            guard isDue(missing[place], at: now) else { continue }
            if missing[place].requests == 0 { missing[place].firstRequested = now }
            missing[place].requests += 1
            missing[place].requested = now
            numbers.append(UInt16(truncatingIfNeeded: missing[place].index))
        }
        return numbers
    }
}
