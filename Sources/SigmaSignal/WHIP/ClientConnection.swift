package import SigmaSettings
import SigmaStore

/// The TCP connection that brought a request, as far as an answer depends on it.
package struct ClientConnection: Sendable {
    /// The address of ours that the client chose; `nil` where it is not known.
    package let localAddress: IPAddress?
    /// The client itself, behind a proxy of the operator too; `nil` where it is not known.
    package let address: IPAddress?
    /// As the client says; empty where it does not.
    package let userAgent: String
    /// Whether the client is a proxy of the operator, whose choice of our address says nothing.
    package let isThroughProxy: Bool
    /// What limits count the client by; `nil` for one without limits.
    package let limitedAddress: IPAddress?
    private let connected: @Sendable () -> Bool

    package init(
        localAddress: IPAddress?, address: IPAddress? = nil, userAgent: String = "", isThroughProxy: Bool,
        limitedAddress: IPAddress? = nil,
        isConnected: @escaping @Sendable () -> Bool = { true }
    ) {
        self.localAddress = localAddress
        self.address = address
        self.userAgent = String(userAgent.prefix(Self.userAgentLength))
        self.isThroughProxy = isThroughProxy
        self.limitedAddress = limitedAddress
        connected = isConnected
    }

    /// Beyond it a browser says nothing that an operator needs.
    private static let userAgentLength = 256

    /// What is stored of the client.
    var data: ClientData {
        ClientData(address: address?.description ?? "", userAgent: userAgent)
    }

    /// Whether an answer would still reach the client.
    package var isConnected: Bool { connected() }
}
