internal import CSigmaSystem

/// A moment as something to wait for beside sockets, to the nanosecond (timerfd).
package struct MonotonicTimer: ~Copyable {
    private let descriptor: Descriptor

    package init() throws(SystemError) {
        descriptor = try .checked(
            timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC)), "timerfd_create")
    }

    package var number: Int32 { descriptor.number }

    /// The descriptor is readable from then on, until the next call.
    ///
    /// - Parameter moment: On ``SystemClock/monotonic()``; `nil` for never.
    package borrowing func set(to moment: Int64?) {
        var time = itimerspec()
        if let moment {
            // All zeros would mean never.
            let (seconds, rest) = max(1, moment).quotientAndRemainder(dividingBy: 1_000_000_000)
            time.it_value = timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
        }
        _ = timerfd_settime(descriptor.number, Int32(TFD_TIMER_ABSTIME), &time, nil)
    }
}
