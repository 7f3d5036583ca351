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

    /// Where the admin API is served: the inherited socket named `admin`, else the settings' address if there is a
    /// token, and a socket for this machine's operator.
    static func forOperators(settings: SignalSettings, inherited: InheritedDescriptors) -> [Listener] {
        var listeners = [Listener.file(path: settings.adminSocketPath)]
        if settings.adminToken == nil { return listeners }
        if let descriptor = inherited.numbers(named: "admin").first {
            listeners.append(.inherited(descriptor: descriptor))
        } else if let address = settings.adminAddress {
            listeners.append(.address(address.address, port: address.port))
        }
        return listeners
    }
}
