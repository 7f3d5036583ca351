/// Turns the wishes of many viewers into few requests to the publisher.
///
/// ```
///  idle ──wanted──▶ asking ──keyframe──▶ idle
///                    │  ▲
///                    └──┘ again every 500 ms
/// ```
///
/// At most one request in 500 ms, repeated until a keyframe comes (RFC 4585 §6.3.1, RFC 5104 §3.5.1).
package struct KeyframeRequester: Equatable, Sendable {
    package static let interval = Interval.milliseconds(500)
    /// A command is given up and made anew after this many: a peer whose answer was lost takes the number for
    /// done, and would never answer it again.
    private static let repetitionLimit: UInt8 = 4

    private var isAsking = false
    private var lastRequest: Instant?
    /// How often the running command was sent.
    private var sent: UInt8 = 0
    /// How often the wish was, in commands of any number.
    private var unanswered: UInt8 = 0
    /// Whether the last request that had time to was followed by a keyframe: some encoders never listen.
    package private(set) var isHeard = false
    /// Whether requests went unanswered, the last time there were some.
    package private(set) var isDeaf = false
    /// The number of the running command, for FIR: a repetition keeps it (RFC 5104 §4.3.1.1).
    package private(set) var command: UInt8 = 0

    package init() {}

    /// A viewer needs a keyframe.
    package mutating func want() {
        guard !isAsking else { return }
        isAsking = true
        sent = 0
        unanswered = 0
    }

    /// Whether to send a request now; counts it as sent.
    package mutating func shouldRequest(at now: Instant) -> Bool {
        guard isAsking else { return false }
        if let lastRequest, now - lastRequest < Self.interval { return false }
        if unanswered >= Self.patience {
            isHeard = false
            isDeaf = true
        }
        unanswered = min(.max - 1, unanswered) + 1
        lastRequest = now
        if sent % Self.repetitionLimit == 0 {
            command &+= 1
            sent = 0
        }
        sent += 1
        return true
    }

    /// When ``shouldRequest(at:)`` may next be true; `nil` while nobody asks.
    package var deadline: Instant? {
        guard isAsking else { return nil }
        return lastRequest.map { $0 + Self.interval } ?? .zero
    }

    /// A keyframe has begun to arrive.
    package mutating func keyframeArrived() {
        // One that comes later comes by itself.
        if isAsking, (1...Self.patience).contains(unanswered) {
            isHeard = true
            isDeaf = false
        }
        isAsking = false
    }

    /// Requests without an answer after which nobody seems to listen.
    private static let patience: UInt8 = 2
}
