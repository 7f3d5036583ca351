/// The settings of `sigma-signal`, from its environment.
package struct SignalSettings: Sendable, Equatable {
    /// `TCP_ADDRESS`.
    package let tcpAddress: IPAddress
    /// `TCP_PORT`.
    package let tcpPort: UInt16
    /// `WHIP_TOKEN`.
    package let whipToken: Secret
    /// `FRONTEND_URL`: origins in lower case without a final slash; `*` stands for any.
    package let frontendOrigins: [String]
    /// `SIGMA_RUNTIME_DIR`, without a final slash.
    package let runtimeDirectory: String
    /// `SIGMA_DATABASE`: the file.
    package let databasePath: String
    /// `SIGMA_ADMIN_ADDRESS`; `nil` where it is `none`.
    package let adminAddress: SocketAddressSetting?
    /// `SIGMA_ADMIN_TOKEN`; `nil`: the admin API is on its Unix socket alone.
    package let adminToken: Secret?
    /// `SIGMA_HISTORY_DAYS`; `nil`: for ever.
    package let historyDays: Int?
    /// `SIGMA_CLIENT_DATA_DAYS`; `nil`: as long as the history.
    package let clientDataDays: Int?
    /// `SIGMA_ICE_SERVERS`.
    package let iceServers: [ICEServer]
    /// `SIGMA_TRUSTED_PROXIES`.
    package let trustedProxies: [IPPrefix]
    /// `SIGMA_HTTP_…`.
    package var httpLimits: HTTPLimits

    /// - Parameter environment: Absent and empty variables take their defaults.
    /// - Throws: ``SettingsError`` for the first variable that is wrong or missing.
    package init(environment: [String: String]) throws(SettingsError) {
        tcpAddress = try Variables.tcpAddress.value(in: environment)
        tcpPort = try Variables.tcpPort.value(in: environment)
        whipToken = try Variables.whipToken.value(in: environment)
        frontendOrigins = try Variables.frontendURL.value(in: environment)
        runtimeDirectory = try Variables.runtimeDirectory.value(in: environment)
        databasePath = try Variables.database.value(in: environment)
        adminAddress = try Variables.adminAddress.value(in: environment)
        adminToken = try Variables.adminToken.value(in: environment)
        historyDays = try Variables.historyDays.value(in: environment)
        clientDataDays = try Variables.clientDataDays.value(in: environment)
        iceServers = try Variables.iceServers.value(in: environment)
        trustedProxies = try Variables.trustedProxies.value(in: environment)
        httpLimits = try HTTPLimits(environment: environment)
    }

    /// Where `sigma-media` serves the control protocol.
    package var controlSocketPath: String { "\(runtimeDirectory)/control.sock" }

    /// Where the admin API is served without a token: who may open the file may use it.
    package var adminSocketPath: String { "\(runtimeDirectory)/admin.sock" }

    /// All variables this program reads, in the order of `--help`.
    package static let variables: [VariableSummary] =
        [
            Variables.tcpAddress.summary, Variables.tcpPort.summary, Variables.whipToken.summary,
            Variables.frontendURL.summary, Variables.iceServers.summary, Variables.trustedProxies.summary,
            Variables.runtimeDirectory.summary, Variables.database.summary, Variables.adminAddress.summary,
            Variables.adminToken.summary, Variables.historyDays.summary, Variables.clientDataDays.summary,
        ] + HTTPVariables.summaries
}
