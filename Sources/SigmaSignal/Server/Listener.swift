package import SigmaSettings
package import SigmaSystem

/// Where HTTP is served: an address to bind, or a socket that the service manager bound already.
package enum Listener: Sendable, Equatable {
    case address(IPAddress, port: UInt16)
    /// An open descriptor of a listening stream socket.
    case inherited(descriptor: Int32)

    /// The listener of this process: the inherited socket named `http` wins over the settings.
    package init(settings: SignalSettings, inherited: InheritedDescriptors) {
        if let descriptor = inherited.numbers(named: "http").first {
            self = .inherited(descriptor: descriptor)
        } else {
            self = .address(settings.tcpAddress, port: settings.tcpPort)
        }
    }
}
