/// What a receiver misses of one stream, and when it asks for it again.
///
/// ```
///  number skipped ──20 ms, or 3 newer packets──▶ asked ──1.5 round trips──▶ asked again … 10 times
///        │                                        │
///        └── it comes, a whole keyframe behind it does, or 1 s has passed ──▶ forgotten
/// ```
///
/// - SeeAlso: RFC 4585 §6.2.1 (generic NACK), RFC 4588 (RTX)
package struct LossRecovery: Equatable, Sendable {
    /// How a packet came.
    package enum Way: Equatable, Sendable {
        case original
        /// In the stream of retransmissions.
        case rtx
    }

    /// What became of packets that were missed.
    package struct Counts: Equatable, Sendable {
        /// Asked for at least once.
        package internal(set) var lost = 0
        package internal(set) var recoveredByRTX = 0
        /// Under the number and SSRC of the original; some may only have been very late.
        package internal(set) var recoveredByResend = 0
        /// Numbers that were asked for, repetitions included.
        package internal(set) var requests = 0
        /// Asked for 10 times or for 1 s.
        package internal(set) var unrecovered = 0
        /// Not wanted any more, with a whole keyframe behind them.
        package internal(set) var superseded = 0

        package init() {}

        package var recovered: Int { recoveredByRTX + recoveredByResend }
    }

    /// A packet that came.
    package struct Arrival: Equatable, Sendable {
        package let index: UInt64
        package let timestamp: UInt32
        package let marker: Bool
        package let startsKeyframe: Bool
        package let way: Way
        /// Nanoseconds.
        package let at: Int64

        package init(
            index: UInt64, timestamp: UInt32, marker: Bool = false, startsKeyframe: Bool = false,
            way: Way = .original, at: Int64
        ) {
            self.index = index
            self.timestamp = timestamp
            self.marker = marker
            self.startsKeyframe = startsKeyframe
            self.way = way
            self.at = at
        }
    }

    private struct Missing: Equatable {
        let index: UInt64
        let since: Int64
        /// In-order packets that have come since, the one that showed the gap included.
        var newer = 0
        var requests = 0
        /// When it was asked for first and last.
        var firstRequest: Int64 = 0
        var lastRequest: Int64 = 0
    }

    /// The picture of the newest packet.
    private struct Picture: Equatable {
        var timestamp: UInt32 = 0
        /// The last packet before it.
        var boundary: UInt64 = 0
    }

    /// A keyframe that may make all before it useless.
    private struct Keyframe: Equatable {
        /// The last packet of another picture.
        let boundary: UInt64
        let timestamp: UInt32
        var end: UInt64?
    }

    package static let requestLimit = 10
    package static let patience: Int64 = 1_000_000_000
    package static let tolerance: Int64 = 20_000_000
    package static let newerLimit = 3
    package static let leastSpacing: Int64 = 40_000_000
    /// A wider gap is no loss but another stretch of numbers.
    private static let widestGap: UInt64 = 1000

    package private(set) var counts = Counts()
    /// Nanoseconds from a request to its answer; libwebrtc assumes the same before the first.
    package private(set) var roundTrip: Int64 = 100_000_000
    /// In ascending order.
    private var missing: [Missing] = []
    private var highest: UInt64?
    private var picture = Picture()
    private var keyframe: Keyframe?

    package init() {}

    /// Takes note of a packet.
    package mutating func note(_ arrival: Arrival) {
        guard let highest else {
            highest = arrival.index
            picture = Picture(timestamp: arrival.timestamp, boundary: arrival.index &- 1)
            noteKeyframe(arrival)
            return
        }
        if arrival.index > highest {
            advance(from: highest, to: arrival)
        } else {
            fill(arrival)
        }
        noteKeyframe(arrival)
    }

    private mutating func advance(from highest: UInt64, to arrival: Arrival) {
        if arrival.timestamp != picture.timestamp {
            picture = Picture(timestamp: arrival.timestamp, boundary: highest)
        }
        for place in missing.indices { missing[place].newer += 1 }
        if arrival.index - highest > Self.widestGap {
            forgetAll()
        } else {
            for index in (highest + 1)..<arrival.index {
                missing.append(Missing(index: index, since: arrival.at, newer: 1))
            }
        }
        self.highest = arrival.index
    }

    private mutating func fill(_ arrival: Arrival) {
        guard let place = missing.firstIndex(where: { $0.index == arrival.index }) else { return }
        let packet = missing.remove(at: place)
        guard packet.requests > 0 else { return }
        switch arrival.way {
        case .original: counts.recoveredByResend += 1
        case .rtx: counts.recoveredByRTX += 1
        }
        // Which request it answers is not known: the first, unless that was lost.
        roundTrip = (7 * roundTrip + max(0, arrival.at - packet.firstRequest)) / 8
    }

    private mutating func noteKeyframe(_ arrival: Arrival) {
        if arrival.startsKeyframe, arrival.timestamp == picture.timestamp {
            keyframe = Keyframe(boundary: picture.boundary, timestamp: arrival.timestamp)
        }
        guard let waiting = keyframe else { return }
        if arrival.marker, arrival.timestamp == waiting.timestamp { keyframe?.end = arrival.index }
        guard let end = keyframe?.end,
            !missing.contains(where: { $0.index > waiting.boundary && $0.index <= end })
        else { return }
        keyframe = nil
        let useless = missing.prefix { $0.index <= waiting.boundary }
        counts.superseded += useless.count { $0.requests > 0 }
        missing.removeFirst(useless.count)
    }

    private mutating func forgetAll() {
        counts.unrecovered += missing.count { $0.requests > 0 }
        missing = []
        keyframe = nil
    }

    // MARK: Asking

    private func due(_ packet: Missing) -> Int64 {
        guard packet.requests > 0 else {
            return packet.newer >= Self.newerLimit ? packet.since : packet.since + Self.tolerance
        }
        return packet.lastRequest + max(Self.leastSpacing, roundTrip * 3 / 2)
    }

    /// When ``takeDue(at:)`` next has something to say; `nil` while nothing is missing.
    package var deadline: Int64? {
        missing.lazy.map { min(due($0), $0.since + Self.patience) }.min()
    }

    /// The numbers to ask for now, counted as asked for; gives up what is too old.
    package mutating func takeDue(at now: Int64) -> [UInt16] {
        guard !missing.isEmpty else { return [] }
        let before = missing.count { $0.requests > 0 }
        let kept = missing.filter { packet in
            now - packet.since < Self.patience && (packet.requests < Self.requestLimit || due(packet) > now)
        }
        missing = kept
        counts.unrecovered += before - missing.count { $0.requests > 0 }
        var numbers: [UInt16] = []
        for place in missing.indices where due(missing[place]) <= now {
            if missing[place].requests == 0 {
                counts.lost += 1
                missing[place].firstRequest = now
            }
            missing[place].requests += 1
            missing[place].lastRequest = now
            numbers.append(UInt16(truncatingIfNeeded: missing[place].index))
        }
        counts.requests += numbers.count
        return numbers
    }
}
