package import SigmaSettings
package import SigmaSystem

/// Where HTTP is served: an address to bind, or a socket that the service manager bound already.
package enum Listener: Sendable, Equatable {
    case address(IPAddress, port: UInt16)
    /// An open descriptor of a listening stream socket.
    case inherited(descriptor: Int32)
    /// A socket that only this user may open.
    case file(path: String)

    /// The listener of this process: the inherited socket named `http` wins over the settings.
    package init(settings: SignalSettings, inherited: InheritedDescriptors) {
        if let descriptor = inherited.numbers(named: "http").first {
            self = .inherited(descriptor: descriptor)
        } else {
            self = .address(settings.tcpAddress, port: settings.tcpPort)
        }
    }

    /// Where the admin API is served.
    ///
    /// For the operator of this machine on a Unix socket, the inherited one named `admin-local` or one of our own; and, if
    /// there is a token, on TCP, the inherited one named `admin` or the address of the settings.
    static func forOperators(
        settings: SignalSettings, inherited: InheritedDescriptors
    ) -> [(listener: Listener, access: Access)] {
        let local = inherited.numbers(named: "admin-local").first.map { Listener.inherited(descriptor: $0) }
        var listeners: [(listener: Listener, access: Access)] = [
            (local ?? .file(path: settings.adminSocketPath), .operators(nil))
        ]
        guard let token = settings.adminToken else { return listeners }
        if let descriptor = inherited.numbers(named: "admin").first {
            listeners.append((.inherited(descriptor: descriptor), .operators(token)))
        } else if let address = settings.adminAddress {
            listeners.append((.address(address.address, port: address.port), .operators(token)))
        }
        return listeners
    }
}
