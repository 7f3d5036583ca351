/// Arrival times of consecutive transport-wide sequence numbers, laid out as one feedback packet has them.
///
/// Statuses are added in the order of their numbers; the first that does not fit begins the next packet. Fixed
/// memory. Times are rounded to 250 µs each for itself: what a reader adds up never drifts.
///
/// - SeeAlso: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1
package struct TransportFeedback: Sendable {
    /// Octets that ``RTCPWriter/appendTransportFeedback(_:from:to:number:in:)`` writes at most: with a report, a
    /// CNAME and the trailer of SRTCP still a datagram for any path.
    package static let lengthLimit = headLength + bodyLimit
    /// Two times that are further apart, ns, do not fit one packet.
    package static let longestDelta = Int64(Int16.max) * tick

    static let headLength = 20
    private static let bodyLimit = 1000
    /// Nanoseconds of one step of a time.
    static let tick: Int64 = 250_000
    static let ticksPerReference: Int64 = 256

    let base: UInt16
    /// Units of 64 ms.
    let reference: Int64
    private(set) var statusCount = 0
    private(set) var chunkCount = 0
    private(set) var deltaLength = 0
    private(set) var chunks = InlineArray<500, UInt16>(repeating: 0)
    private(set) var deltas = InlineArray<1000, UInt8>(repeating: 0)
    private(set) var pending = StatusRun()
    /// The time that a reader has added up, in ticks.
    private var lastTick: Int64

    /// - Parameters:
    ///   - base: The number of the first status.
    ///   - first: The first arrival that will be added, ns on any clock that does not jump.
    package init(base: UInt16, first: Int64) {
        self.base = base
        let unit = Self.tick * Self.ticksPerReference
        reference = first >= 0 ? first / unit : -1 - (-1 - first) / unit
        lastTick = reference * Self.ticksPerReference
    }

    /// Adds the status of the next number.
    ///
    /// - Parameter arrival: On the clock of `first`, ns; `nil` when the packet has not come.
    /// - Returns: `false`, and nothing has changed, when it does not fit: the packet is full, or the time too far from
    ///   that of the last one.
    package mutating func add(_ arrival: Int64?) -> Bool {
        guard statusCount < Int(UInt16.max) else { return false }
        guard let arrival else { return add(.missing, delta: 0, at: lastTick) }
        let half = arrival >= 0 ? Self.tick / 2 : -Self.tick / 2
        let tick = (arrival &+ half) / Self.tick
        guard let delta = Int16(exactly: tick - lastTick) else { return false }
        return add(0...255 ~= delta ? .small : .large, delta: delta, at: tick)
    }

    private mutating func add(_ status: Status, delta: Int16, at tick: Int64) -> Bool {
        let needsChunk = !pending.takes(status)
        let added = Int(status.rawValue)
        // The chunks so far, the one that this begins, and the one that is not full yet.
        let body = 2 * (chunkCount + (needsChunk ? 2 : 1)) + deltaLength + added
        guard body <= Self.bodyLimit else { return false }
        if needsChunk {
            chunks[chunkCount] = pending.takeChunk()
            chunkCount += 1
        }
        pending.add(status)
        let octets = UInt16(bitPattern: delta)
        if status == .large {
            deltas[deltaLength] = UInt8(truncatingIfNeeded: octets >> 8)
        }
        if status != .missing {
            deltas[deltaLength + added - 1] = UInt8(truncatingIfNeeded: octets)
        }
        deltaLength += added
        statusCount += 1
        lastTick = tick
        return true
    }

    /// The raw value is the symbol, and how many octets its delta has.
    enum Status: UInt8 {
        case missing = 0
        case small = 1
        case large = 2
    }
}

/// Statuses that wait to become a chunk: as many of one kind as there are, or up to 14.
struct StatusRun: Sendable {
    private static let oneBitCapacity = 14
    private static let twoBitCapacity = 7
    private static let runCapacity = 0x1FFF

    /// The first 14; those behind are the same as the first.
    private var symbols = InlineArray<14, UInt8>(repeating: 0)
    private var count = 0
    private var isUniform = true
    private var hasLarge = false

    func takes(_ status: TransportFeedback.Status) -> Bool {
        if count < Self.twoBitCapacity { return true }
        if isUniform, symbols[0] == status.rawValue { return count < Self.runCapacity }
        return count < Self.oneBitCapacity && !hasLarge && status != .large
    }

    mutating func add(_ status: TransportFeedback.Status) {
        let symbol = status.rawValue
        if count < Self.oneBitCapacity { symbols[count] = symbol }
        isUniform = isUniform && (count == 0 || symbols[0] == symbol)
        hasLarge = hasLarge || status == .large
        count += 1
    }

    /// The chunk of what is there, all of it; only at the end of a packet.
    var lastChunk: UInt16 {
        if isUniform { return runChunk }
        return count <= Self.twoBitCapacity ? twoBitChunk : oneBitChunk
    }

    /// Takes a chunk of as many as one can carry.
    mutating func takeChunk() -> UInt16 {
        if isUniform || (!hasLarge && count == Self.oneBitCapacity) {
            defer { self = StatusRun() }
            return lastChunk
        }
        let chunk = twoBitChunk
        var rest = StatusRun()
        for index in Self.twoBitCapacity..<max(count, Self.twoBitCapacity) {
            rest.add(TransportFeedback.Status(rawValue: symbols[index]) ?? .missing)
        }
        self = rest
        return chunk
    }

    /// ```
    /// |0| S |       run length        |
    /// ```
    private var runChunk: UInt16 { UInt16(symbols[0]) << 13 | UInt16(truncatingIfNeeded: count) }

    /// ```
    /// |1|0|  14 symbols of one bit    |
    /// ```
    private var oneBitChunk: UInt16 {
        (0..<min(count, Self.oneBitCapacity)).reduce(0x8000) {
            $0 | UInt16(symbols[$1] & 1) << UInt16(13 - $1)
        }
    }

    /// ```
    /// |1|1|  7 symbols of two bits    |
    /// ```
    private var twoBitChunk: UInt16 {
        (0..<min(count, Self.twoBitCapacity)).reduce(0xC000) {
            $0 | UInt16(symbols[$1] & 3) << UInt16(12 - 2 * $1)
        }
    }
}

extension RTCPWriter {
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.
    ///
    /// ```
    /// |V=2|P|  FMT=15 |    PT=205     |            length             |
    /// |                     SSRC of packet sender                     |
    /// |                      SSRC of media source                     |
    /// |      base sequence number     |      packet status count      |
    /// |                 reference time                | fb pkt. count |
    /// |        packet chunk × n       |  recv delta × n, zero padding |
    /// ```
    ///
    /// - Parameters:
    ///   - feedback: With at least one status.
    ///   - number: One more for each feedback packet.
    @_lifetime(bytes: copy bytes)
    package mutating func appendTransportFeedback(
        _ feedback: TransportFeedback, from sender: SSRC, to media: SSRC, number: UInt8,
        in bytes: inout MutableRawSpan
    ) {
        let bodyLength = 2 * (feedback.chunkCount + 1) + feedback.deltaLength
        let bodyWords = (bodyLength + 3) / 4
        begin(
            RTCP.PacketType.transportFeedback, count: RTCP.Format.transportCC, words: 4 + bodyWords,
            in: &bytes)
        append(sender.rawValue, in: &bytes)
        append(media.rawValue, in: &bytes)
        append(
            UInt32(feedback.base) << 16 | UInt32(truncatingIfNeeded: feedback.statusCount) & 0xFFFF,
            in: &bytes)
        append(UInt32(truncatingIfNeeded: feedback.reference) << 8 | UInt32(number), in: &bytes)
        for word in 0..<bodyWords {
            append(UInt32(feedback.body(2 * word)) << 16 | UInt32(feedback.body(2 * word + 1)), in: &bytes)
        }
    }
}

extension TransportFeedback {
    /// Two octets of chunks and deltas, as they follow each other; zeros behind the end.
    fileprivate func body(_ place: Int) -> UInt16 {
        if place < chunkCount { return chunks[place] }
        if place == chunkCount { return pending.lastChunk }
        let first = 2 * (place - chunkCount - 1)
        return UInt16(delta(first)) << 8 | UInt16(delta(first + 1))
    }

    private func delta(_ place: Int) -> UInt8 { place < deltaLength ? deltas[place] : 0 }
}
