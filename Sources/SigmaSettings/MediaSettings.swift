/// The settings of `sigma-media`, from its environment.
package struct MediaSettings: Sendable, Equatable {
    /// `UDP_ADDRESS`.
    package let udpAddress: IPAddress
    /// `UDP_PORT`.
    package let udpPort: UInt16
    /// `CERTS_DIR`, without a final slash.
    package let certificateDirectory: String
    /// `SIGMA_RUNTIME_DIR`, without a final slash.
    package let runtimeDirectory: String
    /// `SIGMA_ADVERTISE`, in order of preference.
    package let advertised: [AdvertisedAddress]
    /// `SIGMA_MAX_SESSIONS`.
    package let maximumSessions: Int
    /// `SIGMA_SHARDS`; `nil` for as many as there are cores, or sockets handed over.
    package let shards: Int?
    /// `SIGMA_SRTP_BACKEND`.
    package let srtpBackend: SRTPLibrary
    /// `SIGMA_CPU_LIMIT`, percent.
    package let processorLimit: Int

    /// - Parameter environment: Absent and empty variables take their defaults.
    /// - Throws: ``SettingsError`` for the first variable that is wrong.
    package init(environment: [String: String]) throws(SettingsError) {
        udpAddress = try Variables.udpAddress.value(in: environment)
        udpPort = try Variables.udpPort.value(in: environment)
        certificateDirectory = try Variables.certificateDirectory.value(in: environment)
        runtimeDirectory = try Variables.runtimeDirectory.value(in: environment)
        advertised = try Variables.advertised.value(in: environment)
        maximumSessions = try Variables.maximumSessions.value(in: environment)
        shards = try Variables.shards.value(in: environment)
        srtpBackend = try Variables.srtpBackend.value(in: environment)
        processorLimit = try Variables.processorLimit.value(in: environment)
    }

    /// Where the control protocol is served.
    package var controlSocketPath: String { "\(runtimeDirectory)/control.sock" }

    /// All variables this program reads, in the order of `--help`.
    package static let variables: [VariableSummary] = [
        Variables.udpAddress.summary, Variables.udpPort.summary, Variables.advertised.summary,
        Variables.certificateDirectory.summary, Variables.runtimeDirectory.summary,
        Variables.maximumSessions.summary, Variables.shards.summary, Variables.srtpBackend.summary,
        Variables.processorLimit.summary,
    ]
}

/// What encrypts media.
package enum SRTPLibrary: String, Sendable, Equatable {
    case openssl
    case ipsecMB = "ipsec-mb"
}
