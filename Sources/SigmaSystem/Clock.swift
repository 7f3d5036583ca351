internal import CSigmaSystem

/// The two clocks of the system, in nanoseconds.
package enum SystemClock {
    /// CLOCK_MONOTONIC.
    package static func monotonic() -> Int64 { read(CLOCK_MONOTONIC) }

    /// Since 1970 (CLOCK_REALTIME).
    package static func unix() -> Int64 { read(CLOCK_REALTIME) }

    /// How far the local time is ahead of UTC, seconds.
    ///
    /// - Parameter time: When, in seconds since 1970.
    package static func zoneOffset(at time: Int64) -> Int64 {
        var seconds = time_t(time)
        var parts = tm()
        return localtime_r(&seconds, &parts) == nil ? 0 : Int64(parts.tm_gmtoff)
    }

    /// CPU time of all threads of this process (CLOCK_PROCESS_CPUTIME_ID).
    package static func processorTime() -> Int64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    /// CPU time of the calling thread (CLOCK_THREAD_CPUTIME_ID).
    package static func threadProcessorTime() -> Int64 { read(CLOCK_THREAD_CPUTIME_ID) }

    static func read(_ clock: Int32) -> Int64 {
        var time = timespec()
        guard clock_gettime(clock, &time) == 0 else { return 0 }
        return nanoseconds(time)
    }

    static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

/// Randomness of the kernel.
package enum Entropy {
    /// - Returns: `count` octets fit for keys.
    package static func octets(_ count: Int) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = octets.withUnsafeMutableBytes {
                getrandom($0.baseAddress.map { $0 + filled }, count - filled, 0)
            }
            precondition(got > 0 || errno == EINTR, "the kernel has no randomness")
            filled += max(0, got)
        }
        return octets
    }
}
