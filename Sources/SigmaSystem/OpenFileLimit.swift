internal import CSigmaSystem

/// How many descriptors this process may have (RLIMIT_NOFILE).
package enum OpenFileLimit {
    /// Raises the soft limit to the hard one: shells and systemd give 1024, fewer than there are connections.
    ///
    /// - Returns: The limit that holds now; 0 when the kernel does not say.
    package static func raise() -> Int {
        var limit = rlimit()
        guard CSigma_getOpenFileLimit(&limit) == 0 else { return 0 }
        return raise(to: Int(clamping: limit.rlim_max))
    }

    /// Raises the soft limit to what is wanted, and the hard one where the process may.
    ///
    /// - Returns: The limit that holds now.
    package static func raise(to wanted: Int) -> Int {
        var limit = rlimit()
        guard CSigma_getOpenFileLimit(&limit) == 0 else { return 0 }
        let needed = rlim_t(max(0, wanted))
        if limit.rlim_cur < needed {
            var raised = rlimit(rlim_cur: needed, rlim_max: max(needed, limit.rlim_max))
            if CSigma_setOpenFileLimit(&raised) != 0 {
                raised = rlimit(rlim_cur: min(needed, limit.rlim_max), rlim_max: limit.rlim_max)
                _ = CSigma_setOpenFileLimit(&raised)
            }
            _ = CSigma_getOpenFileLimit(&limit)
        }
        return Int(clamping: limit.rlim_cur)
    }
}
