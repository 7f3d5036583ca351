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

    private var isAsking = false
    private var lastRequest: Instant?
    /// The number of the next FIR (RFC 5104 §4.3.1.1).
    package private(set) var requests: UInt64 = 0

    package init() {}

    /// A viewer needs a keyframe.
    package mutating func want() { isAsking = true }

    /// Whether to send a request now; counts it as sent.
    package mutating func shouldRequest(at now: Instant) -> Bool {
        guard isAsking else { return false }
        if let lastRequest, now - lastRequest < Self.interval { return false }
        lastRequest = now
        requests &+= 1
        return true
    }

    /// When ``shouldRequest(at:)`` may next be true; `nil` while nobody asks.
    package var deadline: Instant? {
        guard isAsking else { return nil }
        return lastRequest.map { $0 + Self.interval } ?? .zero
    }

    /// A keyframe has begun to arrive.
    package mutating func keyframeArrived() { isAsking = false }
}
