internal import FoundationEssentials
internal import SigmaControl
internal import SigmaCore
internal import SigmaCrypto
internal import SigmaEngine
package import SigmaSettings
internal import SigmaSystem
internal import SigmaWire
internal import SwiftProtobuf

/// Why `sigma-media` did not start: one line that names what to change.
package struct StartError: Error, CustomStringConvertible {
    package let description: String
}

/// `sigma-media` from its settings to its end.
package enum MediaProgram {
    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: ``StartError``.
    package static func run(_ settings: MediaSettings, environment: [String: String]) throws(StartError) {
        do {
            // Before anything else, so that a signal during the start ends it in order.
            let signals = try TerminationSignals()
            let inherited = InheritedDescriptors(environment: environment)
            let identity = try loadIdentity(settings.certificateDirectory)
            let sockets = try MediaSockets(settings, inherited)
            let listener = try openListener(settings, inherited)
            let started = try ShardThreads.start(settings, identity, sockets.spread())
            let handshakes = started.handshakes
            let memory = started.memory
            let hello = makeHello(settings, identity, started.group.journal.id, sockets.first)
            var server = try MediaServer(
                shards: started.group, handshakes: handshakes,
                control: ControlServer(listener: listener, hello: hello), signals: signals)
            defer { withExtendedLifetime(memory) {} }
            let shards = sockets.shardCount == 1 ? "1 shard" : "\(sockets.shardCount) shards"
            Log.write(
                .info,
                "sigma-media \(sigmaVersion) ready: UDP \(hello.udpPort), \(shards), "
                    + settings.controlSocketPath)
            ServiceNotification.send("READY=1", socketPath: environment["NOTIFY_SOCKET"])
            try server.run()
            Log.write(.info, "sigma-media stopped")
        } catch let error as StartError {
            throw error
        } catch {
            throw StartError(description: "\(error)")
        }
    }

    private static func loadIdentity(_ directory: String) throws -> Identity {
        let certificate = try read("\(directory)/cert.pem")
        let key = try read("\(directory)/key.pem")
        do {
            return try Identity(certificatePEM: certificate, keyPEM: key)
        } catch {
            let reason =
                switch error {
                case .notACertificate: "\(directory)/cert.pem holds no PEM certificate"
                case .notAPrivateKey: "\(directory)/key.pem holds no unencrypted PEM private key"
                case .keyMismatch: "\(directory)/key.pem is not the key of cert.pem beside it"
                case .openSSL(let error): "\(directory): \(error)"
                }
            throw StartError(description: "CERTS_DIR: \(reason)")
        }
    }

    private static func read(_ path: String) throws(StartError) -> [UInt8] {
        do {
            return try Files.octets(of: path)
        } catch {
            let remedy = error.isMissing ? "; tools/run makes the pair, or point CERTS_DIR at yours" : ""
            throw StartError(description: "CERTS_DIR: cannot read \(path): \(error)\(remedy)")
        }
    }

    private static func openListener(
        _ settings: MediaSettings, _ inherited: InheritedDescriptors
    ) throws -> UnixListener {
        if let number = inherited.numbers(named: "ctl").first {
            return UnixListener(inherited: Descriptor(owning: number))
        }
        do {
            return try UnixListener(path: settings.controlSocketPath, mode: 0o660)
        } catch {
            if error.isAddressInUse {
                throw StartError(
                    description:
                        "SIGMA_RUNTIME_DIR: another sigma-media listens on \(settings.controlSocketPath)")
            }
            throw StartError(
                description: "SIGMA_RUNTIME_DIR: cannot make \(settings.controlSocketPath): \(error)")
        }
    }

    private static func makeHello(
        _ settings: MediaSettings, _ identity: borrowing Identity, _ journalID: [UInt8], _ socket: ShardSocket
    ) -> MediaHello {
        let port = socket.localAddress.port
        var hello = MediaHello()
        hello.protocolVersion = ControlServer.protocolVersion
        hello.program = "sigma-media \(sigmaVersion)"
        hello.journalID = Data(journalID)
        hello.udpPort = UInt32(port)
        let interfaces = Interfaces.addresses(seenBy: socket.number, port: port).map { UDPAddress($0) }
        hello.advertised = advertised(settings, port: port, interfaces: interfaces)
        hello.interfaces = interfaces
        hello.certificateFingerprints = [Fingerprint(identity.fingerprint)]
        hello.limits.sessions = UInt32(clamping: settings.maximumSessions)
        hello.limits.mediaLines = 8
        return hello
    }

    /// What to offer whatever the address of the request: what the operator said, else what a bound address
    /// leaves of the choice; empty where the address of the request is as good as any.
    private static func advertised(
        _ settings: MediaSettings, port: UInt16, interfaces: [UDPAddress]
    ) -> [UDPAddress] {
        if !settings.advertised.isEmpty {
            return settings.advertised.map { advertised in
                .with {
                    $0.address = Data(advertised.address.shortestOctets)
                    $0.port = UInt32(advertised.port ?? port)
                }
            }
        }
        if !settings.udpAddress.isUnspecified {
            return [
                .with {
                    $0.address = Data(settings.udpAddress.shortestOctets)
                    $0.port = UInt32(port)
                }
            ]
        }
        // A request that came over IPv6 must not be answered with an address that nobody listens on.
        return settings.udpAddress.isIPv4 ? interfaces : []
    }
}
