import Glibc

/// How many descriptors this process may have open.
enum DescriptorLimit {
    /// Raises the soft limit to the hard one: shells and systemd give 1024, fewer than there are connections.
    ///
    /// - Returns: The limit from now on; `nil` where there is none.
    static func raise() -> Int? {
        var limit = rlimit()
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(files, &limit) == 0 else { return nil }
        var raised = limit
        raised.rlim_cur = limit.rlim_max
        if setrlimit(files, &raised) == 0 { limit = raised }
        return Int(exactly: limit.rlim_cur)
    }
}
