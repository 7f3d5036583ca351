internal import CSigmaSystem

/// Tells the service manager how we are (sd_notify(3)); does nothing without one.
package enum ServiceNotification {
    /// - Parameter state: `READY=1`, `STOPPING=1`, `WATCHDOG=1`, `STATUS=…`
    package static func send(_ state: String, socketPath: String?) {
        guard let socketPath, !socketPath.isEmpty else { return }
        let socket = CSigmaSystem.socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        let descriptor = Descriptor(owning: socket)
        // A leading @ is the abstract namespace.
        var path = Array(socketPath.utf8)
        if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        guard let address = UnixAddress(path: path) else { return }
        let octets = Array(state.utf8)
        address.withSockaddr { pointer, length in
            _ = CSigma_sendto(descriptor.number, octets, octets.count, pointer, length)
        }
    }
}
