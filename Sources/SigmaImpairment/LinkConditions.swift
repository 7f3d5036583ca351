/// How one direction of a path treats datagrams.
package struct LinkConditions: Equatable, Sendable {
    /// Probability that a datagram is lost, 0 to 1, outside of a burst.
    package var loss: Double
    /// Nanoseconds that every datagram takes.
    package var delay: Int64
    /// Up to this many nanoseconds more, each datagram for itself: more than the spacing reorders.
    package var jitter: Int64
    /// Probability that a datagram comes twice.
    package var duplicate: Double
    /// What is held back, so that others overtake it; `nil` for nothing.
    package var reorder: Reorder?
    /// Losses that come together; `nil` for none.
    package var burst: Burst?
    /// A bottleneck with a queue in front; `nil` for a path as wide as one likes.
    package var bottleneck: Bottleneck?

    /// Two states, as Gilbert and Elliott have it: everything is lost in the bad one.
    package struct Burst: Equatable, Sendable {
        /// Probability that a datagram begins a burst.
        package var start: Double
        /// Probability that a datagram in a burst is its last one.
        package var end: Double

        package init(start: Double, end: Double) {
            self.start = start
            self.end = end
        }
    }

    package struct Reorder: Equatable, Sendable {
        /// Probability that a datagram is held back, 0 to 1.
        package var share: Double
        /// For how many nanoseconds.
        package var hold: ClosedRange<Int64>

        package init(share: Double, hold: ClosedRange<Int64>) {
            self.share = share
            self.hold = hold
        }
    }

    package struct Bottleneck: Equatable, Sendable {
        /// bit/s.
        package var rate: Int64
        /// Octets that wait at most; what finds the queue full is lost.
        package var queue: Int64

        package init(rate: Int64, queue: Int64) {
            self.rate = max(1, rate)
            self.queue = queue
        }

        /// Nanoseconds that `octets` take to pass.
        func time(of octets: Int64) -> Int64 { octets * 8 * 1_000_000_000 / rate }
    }

    package init(
        loss: Double = 0, delay: Int64 = 10_000_000, jitter: Int64 = 0, duplicate: Double = 0,
        reorder: Reorder? = nil, burst: Burst? = nil, bottleneck: Bottleneck? = nil
    ) {
        self.loss = loss
        self.delay = delay
        self.jitter = jitter
        self.duplicate = duplicate
        self.reorder = reorder
        self.burst = burst
        self.bottleneck = bottleneck
    }

    package static let perfect = LinkConditions()
    /// Everything is lost.
    package static let cut = LinkConditions(loss: 1)
}
