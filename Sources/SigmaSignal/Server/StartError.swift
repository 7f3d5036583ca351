import NIOCore
import SigmaSettings
import SigmaStore

#if canImport(Glibc)
    import Glibc
#endif

/// Why the program cannot start, in one line that names what to change.
package struct StartError: Error, Equatable, CustomStringConvertible {
    package let description: String

    private init(_ description: String) {
        self.description = description
    }

    init(_ error: SettingsError) {
        description = error.description
    }

    /// - Parameter error: Of opening the database.
    init(_ error: StoreError, database path: String) {
        description =
            error == .newer
            ? "SIGMA_DATABASE: \(path) was made by a newer version of Sigma; run that one, or restore a backup"
            : "SIGMA_DATABASE: \(path) cannot be opened; make its folder, writable for this user, or set SIGMA_DATABASE"
    }

    /// - Parameter error: What binding the admin API's listener threw.
    init(_ error: any Error, forOperators listener: Listener) {
        guard case .address(let address, let port) = listener else {
            self.init(error, listener: listener)
            return
        }
        self.init(
            "SIGMA_ADMIN_ADDRESS: \(address), port \(port), cannot be served (\(error)); use a free one, or none"
        )
    }

    /// - Parameter error: What binding the listener threw.
    init(_ error: any Error, listener: Listener) {
        if case .file(let path) = listener {
            description =
                "SIGMA_RUNTIME_DIR: \(path) cannot be served (\(error)); make its folder, writable for this user"
            return
        }
        guard case .address(let address, let port) = listener else {
            description =
                "LISTEN_FDS: the inherited socket cannot be served (\(error)); it must be a listening TCP socket"
            return
        }
        description =
            switch (error as? IOError)?.errnoCode {
            case EADDRINUSE: "TCP_PORT: port \(port) on \(address) is in use; set TCP_PORT to a free one"
            case EACCES: "TCP_PORT: port \(port) needs a privilege; use one above 1023"
            case EADDRNOTAVAIL: "TCP_ADDRESS: \(address) is no address of this machine; use 0.0.0.0 or [::]"
            default: "TCP_ADDRESS: \(address), port \(port), cannot be served: \(error)"
            }
    }
}
