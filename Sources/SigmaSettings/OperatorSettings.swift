/// Where `sigmactl` finds the services, from its environment.
package struct OperatorSettings: Sendable, Equatable {
    /// `SIGMA_RUNTIME_DIR`, without a final slash.
    package let runtimeDirectory: String
    /// `SIGMA_DATABASE`.
    package let databasePath: String

    /// - Throws: ``SettingsError`` for the first variable that is wrong.
    package init(environment: [String: String]) throws(SettingsError) {
        runtimeDirectory = try Variables.runtimeDirectory.value(in: environment)
        databasePath = try Variables.database.value(in: environment)
    }

    /// Where `sigma-media` serves the control protocol.
    package var controlSocketPath: String { "\(runtimeDirectory)/control.sock" }
}
