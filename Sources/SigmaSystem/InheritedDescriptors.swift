internal import CSigmaSystem

/// Descriptors that the service manager passed, by name (sd_listen_fds_with_names(3)).
///
/// By name, never by position: the order changes when the manager is re-executed.
package struct InheritedDescriptors: Sendable {
    private let numbers: [String: [Int32]]
    private static let first: Int32 = 3

    /// - Parameter environment: LISTEN_PID must be `process`, else nothing was meant for us.
    package init(environment: [String: String], process: Int32 = getpid()) {
        guard let pid = environment["LISTEN_PID"].flatMap({ Int32($0) }), pid == process,
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), (1...1024).contains(count)
        else {
            numbers = [:]
            return
        }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(
            separator: ":", omittingEmptySubsequences: false)
        var numbers: [String: [Int32]] = [:]
        for offset in 0..<count {
            let name = Int(offset) < names.count ? String(names[Int(offset)]) : "unknown"
            let number = Self.first + offset
            _ = CSigma_fcntl_int(number, F_SETFD, FD_CLOEXEC)
            numbers[name, default: []].append(number)
        }
        self.numbers = numbers
    }

    /// The numbers under `name`; whoever takes one owns it.
    package func numbers(named name: String) -> [Int32] { numbers[name] ?? [] }
}
