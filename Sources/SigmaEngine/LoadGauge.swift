package import SigmaCore

/// How much of its capacity an event loop uses, and whether it takes more sessions.
///
/// Fed by the loop: ``noteDelay(_:)`` with each datagram, ``take(_:at:)`` four times a second. Everything is judged over
/// the last four samples, a second, and ``pressure`` is the worst of what is measured, each against its limit:
///
/// | measured | limit |
/// |---|---|
/// | processor time of the thread | ``Limits/processor`` of the time that passed |
/// | standing delay: the least time a datagram waited for us in each quarter of a second (as CoDel's, RFC 8289 §3) | 50 ms |
/// | handshake jobs that wait | half of ``Engine/handshakeQueueLimit`` |
/// | the wait of a handshake job | 500 ms |
/// | datagrams that the kernel refused or dropped for want of room | one |
///
/// A burst that is worked off within a quarter of a second leaves no standing delay. At a pressure of 1 viewers are
/// refused, at 1.1 publishers as well: one publisher serves many. Each is taken again when the pressure has fallen by 0.1,
/// so that the answer does not change with every sample.
package struct LoadGauge: Sendable {
    /// What the shell reads off the system; the counters only grow.
    package struct Reading: Sendable {
        /// Processor time of the loop's thread, ns.
        package var processorTime: Int64
        /// Datagrams the kernel would not take for want of room.
        package var sendOverflows: UInt64
        /// Datagrams that found the socket's buffer full.
        package var receiveOverflows: UInt64

        package init(processorTime: Int64, sendOverflows: UInt64, receiveOverflows: UInt64) {
            self.processorTime = processorTime
            self.sendOverflows = sendOverflows
            self.receiveOverflows = receiveOverflows
        }
    }

    package struct Limits: Sendable {
        /// Processor time of the thread, as a share of the time that passes; 1: no limit.
        package var processor = 0.85
        package var delay = Interval.milliseconds(50)
        package var handshakes = 512
        package var handshakeWait = Interval.milliseconds(500)

        package init() {}
    }

    /// Between two samples at least.
    package static let interval = Interval.milliseconds(250)
    private static let viewerMark = 1.0
    private static let publisherMark = 1.1
    private static let hysteresis = 0.1

    private let limits: Limits
    private var window = InlineArray<4, Sample>(repeating: Sample())
    private var newest = 0
    private var last: (reading: Reading, at: Instant)?
    private var leastDelay: Interval?
    private var handshakeWait = QueueWait()
    /// The share of the last second that the thread was running, 0 to 1.
    package private(set) var busy = 0.0
    /// 1 where viewers are refused.
    package private(set) var pressure = 0.0
    private var refusesViewers = false
    private var refusesPublishers = false

    private struct Sample: Sendable {
        var passed: Int64 = 0
        var used: Int64 = 0
        var delay: Int64 = 0
        var hasOverflow = false
    }

    package init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Whether a new session of this role is to be refused.
    package func refuses(_ role: Role) -> Bool {
        switch role {
        case .viewer: refusesViewers
        case .publisher: refusesPublishers
        }
    }

    package var isOverloaded: Bool { refusesViewers }

    /// A datagram waited this long between the kernel and us.
    package mutating func noteDelay(_ delay: Interval) { leastDelay = min(leastDelay ?? delay, delay) }

    /// Whether ``take(_:handshakes:answered:at:)`` is due.
    package func isDue(at now: Instant) -> Bool {
        guard let last else { return true }
        return now - last.at >= Self.interval
    }

    /// - Parameters:
    ///   - waiting: Handshake jobs without a result.
    ///   - answered: Results so far.
    package mutating func take(
        _ reading: Reading, handshakes waiting: Int, answered: UInt64, at now: Instant
    ) {
        defer { last = (reading, now) }
        guard let last, now > last.at else { return }
        newest = (newest + 1) % window.count
        window[newest] = Sample(
            passed: (now - last.at).nanoseconds,
            used: max(0, reading.processorTime - last.reading.processorTime),
            delay: leastDelay?.nanoseconds ?? 0,
            hasOverflow: reading.sendOverflows != last.reading.sendOverflows
                || reading.receiveOverflows != last.reading.receiveOverflows)
        leastDelay = nil
        handshakeWait.note(waiting: waiting, answered: answered, at: now)
        judge(waiting: waiting, at: now)
    }

    private mutating func judge(waiting: Int, at now: Instant) {
        var passed: Int64 = 0
        var used: Int64 = 0
        var standing = Int64.max
        var hasOverflow = false
        for place in 0..<window.count {
            passed += window[place].passed
            used += window[place].used
            standing = min(standing, window[place].delay)
            hasOverflow = hasOverflow || window[place].hasOverflow
        }
        busy = min(1, Double(used) / Double(max(1, passed)))
        pressure = max(
            limits.processor < 1 ? busy / limits.processor : 0,
            Double(standing) / Double(limits.delay.nanoseconds),
            Double(waiting) / Double(limits.handshakes),
            Double(handshakeWait.longest(at: now).nanoseconds) / Double(limits.handshakeWait.nanoseconds),
            hasOverflow ? Self.viewerMark : 0)
        refusesViewers = Self.refuses(pressure, from: Self.viewerMark, before: refusesViewers)
        refusesPublishers = Self.refuses(pressure, from: Self.publisherMark, before: refusesPublishers)
    }

    private static func refuses(_ pressure: Double, from mark: Double, before: Bool) -> Bool {
        pressure >= (before ? mark - hysteresis : mark)
    }

    /// Name and value, as statistics carry them; of several loops the largest counts.
    package var named: [(String, UInt64)] {
        [
            ("load_busy_percent", UInt64(busy * 100)),
            // Bounded, since a queue may be any number of times too long.
            ("load_pressure_percent", UInt64(min(pressure, 100) * 100)),
        ]
    }
}

/// The wait in a queue that answers in order, told by two counts alone: what stands last in it is remembered, until as
/// many have been answered.
struct QueueWait: Sendable {
    private var mark: (answered: UInt64, since: Instant)?
    private var measured = Interval(nanoseconds: 0)

    mutating func note(waiting: Int, answered: UInt64, at now: Instant) {
        if let mark, answered >= mark.answered {
            measured = now - mark.since
            self.mark = nil
        }
        if waiting == 0 { measured = Interval(nanoseconds: 0) }
        if mark == nil, waiting > 0 { mark = (answered &+ UInt64(waiting), now) }
    }

    /// What the last one waited, or waits already.
    func longest(at now: Instant) -> Interval {
        guard let mark else { return measured }
        return max(measured, now - mark.since)
    }
}
