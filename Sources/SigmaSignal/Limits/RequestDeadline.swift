package import NIOCore
package import SigmaSettings

/// How long a connection may be in the stage it is in, and how much it may send there.
///
/// ```
///               octets                   header complete
///  waiting ───────────────▶ receiving ───────────────▶ serving
///     ▲  header or idle time     header time              │  body time and what media takes
///     │                                                   ▼
///     └─────────────── answered ────────────────────── answering
///                                  idle time, 10 s at most
/// ```
///
/// A stream has no such time, being itself watched by whoever writes it; but octets that come while it goes on are counted.
///
/// Octets of a body that come after its answer count as a header that does not end, which is what its sender
/// deserves. Time is an argument; whoever keeps the timer asks for ``deadline`` after each event.
package struct RequestDeadline: Sendable {
    private enum Stage: Sendable {
        case waiting
        case receiving
        case serving
        case answering
        case streaming
    }

    private let limits: HTTPLimits
    private var stage: Stage = .waiting
    private var since: NIODeadline
    private var hasServed = false
    private var octets = 0

    /// What comes of requests before they are served: the longest body, and what was read with it.
    private static let maximumOctets = 256 * 1024
    /// What media may take.
    private static let serviceTime: TimeAmount = .seconds(20)
    private static let longestAnswerTime: TimeAmount = .seconds(10)

    package init(limits: HTTPLimits, now: NIODeadline) {
        self.limits = limits
        since = now
    }

    /// Octets came.
    ///
    /// - Returns: Whether any more are welcome.
    package mutating func received(_ count: Int, at now: NIODeadline) -> Bool {
        octets += count
        if stage == .waiting { enter(.receiving, now) }
        return octets <= Self.maximumOctets
    }

    /// The header of a request is complete.
    package mutating func began(at now: NIODeadline) {
        octets = 0
        enter(.serving, now)
    }

    /// The answer begins to be written.
    package mutating func answering(at now: NIODeadline) {
        enter(.answering, now)
    }

    /// The answer is written.
    package mutating func answered(at now: NIODeadline) {
        octets = 0
        hasServed = true
        enter(.waiting, now)
    }

    /// The answer goes on.
    package mutating func streaming(at now: NIODeadline) {
        enter(.streaming, now)
    }

    /// When the connection is to be closed; `nil` where the stage has no limit.
    package var deadline: NIODeadline? {
        let limit: TimeAmount? =
            switch stage {
            // One that is opened and says nothing holds what one that speaks slowly holds.
            case .waiting: (hasServed ? limits.idleTimeout : limits.headerTimeout).map { TimeAmount($0) }
            case .receiving: limits.headerTimeout.map { TimeAmount($0) }
            case .serving: limits.bodyTimeout.map { TimeAmount($0) + Self.serviceTime }
            case .answering: limits.idleTimeout.map { min(TimeAmount($0), Self.longestAnswerTime) }
            case .streaming: nil
            }
        return limit.map { since + $0 }
    }

    /// Whether a request was begun and nobody answers it yet.
    package var isReceiving: Bool { stage == .receiving }

    private mutating func enter(_ stage: Stage, _ now: NIODeadline) {
        self.stage = stage
        since = now
    }
}
