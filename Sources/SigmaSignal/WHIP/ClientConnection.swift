package import SigmaSettings

/// The TCP connection that brought a request, as far as an answer depends on it.
package struct ClientConnection: Sendable {
    /// The address of ours that the client chose; `nil` where it is not known.
    package let localAddress: IPAddress?
    /// Whether the client is a proxy of the operator, whose choice of our address says nothing.
    package let isThroughProxy: Bool
    /// What limits count the client by; `nil` for one without limits.
    package let limitedAddress: IPAddress?
    private let connected: @Sendable () -> Bool

    package init(
        localAddress: IPAddress?, isThroughProxy: Bool, limitedAddress: IPAddress? = nil,
        isConnected: @escaping @Sendable () -> Bool = { true }
    ) {
        self.localAddress = localAddress
        self.isThroughProxy = isThroughProxy
        self.limitedAddress = limitedAddress
        connected = isConnected
    }

    /// Whether an answer would still reach the client.
    package var isConnected: Bool { connected() }
}
