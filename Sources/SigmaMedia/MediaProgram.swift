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
            let socket = try openSocket(settings, inherited)
            let listener = try openListener(settings, inherited)
            let slab = try SharedMemory(
                name: "sigma-sessions", byteCount: SessionSlab.byteCount(for: settings.maximumSessions))
            let journal = try SharedMemory(
                name: "sigma-journal", byteCount: Journal.byteCount(capacity: Journal.defaultCapacity))
            let engine = try makeEngine(settings, identity.fingerprint, slab, journal)
            let hello = makeHello(settings, engine, socket)
            let handshakes = try HandshakeThread(Handshakes(identity))
            var server = try MediaServer(
                engine: engine, handshakes: handshakes, socket: socket,
                control: ControlServer(listener: listener, hello: hello),
                signals: signals)
            Log.write(
                .info,
                "sigma-media \(sigmaVersion) ready: UDP \(hello.udpPort), \(settings.controlSocketPath)")
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

    private static func openSocket(
        _ settings: MediaSettings, _ inherited: InheritedDescriptors
    ) throws -> UDPSocket {
        let handed = inherited.numbers(named: "udp")
        if let number = handed.first {
            // A member of a group of sockets that nobody reads would strand its share of the datagrams.
            guard handed.count == 1 else {
                throw StartError(
                    description: "ListenDatagram: \(handed.count) UDP sockets were handed over; sigma-media "
                        + "has one shard, leave one line")
            }
            let socket: UDPSocket
            do {
                socket = try UDPSocket(inherited: Descriptor(owning: number))
            } catch {
                throw StartError(
                    description: "ListenDatagram: \(error); use [::]:PORT with BindIPv6Only=both")
            }
            if socket.localAddress.port != settings.udpPort {
                Log.write(
                    .warning,
                    "UDP_PORT is \(settings.udpPort), but the inherited socket has port "
                        + "\(socket.localAddress.port): that one is used")
            }
            return socket
        }
        let octets = settings.udpAddress.octets
        let address = Address(
            high: octets[0..<8].reduce(0) { $0 << 8 | UInt64($1) },
            low: octets[8..<16].reduce(0) { $0 << 8 | UInt64($1) }, port: settings.udpPort)
        do {
            return try UDPSocket(binding: address)
        } catch {
            if error.isAddressInUse {
                throw StartError(
                    description: "UDP_PORT: port \(settings.udpPort) is in use by another program")
            }
            throw StartError(
                description: "UDP_ADDRESS, UDP_PORT: cannot bind \(settings.udpAddress) port "
                    + "\(settings.udpPort): \(error)")
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

    private static func makeEngine(
        _ settings: MediaSettings, _ fingerprint: CertificateFingerprint, _ slab: borrowing SharedMemory,
        _ journal: borrowing SharedMemory
    ) throws(StartError) -> Engine {
        let backend: SRTPBackend = settings.srtpBackend == .ipsecMB ? .ipsecMB : .openssl
        guard backend.isAvailable else {
            throw StartError(
                description: "SIGMA_SRTP_BACKEND: this CPU or this build has no ipsec-mb; use openssl")
        }
        var configuration = EngineConfiguration(entropy: Entropy.octets)
        configuration.sessionLimit = settings.maximumSessions
        configuration.srtpBackend = backend
        configuration.loadLimits.processor = Double(settings.processorLimit) / 100
        configuration.journalCapacity = Journal.defaultCapacity
        return Engine(
            configuration, fingerprint: fingerprint, slabMemory: slab.base, journalMemory: journal.base)
    }

    private static func makeHello(
        _ settings: MediaSettings, _ engine: borrowing Engine, _ socket: borrowing UDPSocket
    ) -> MediaHello {
        let port = socket.localAddress.port
        var hello = MediaHello()
        hello.protocolVersion = ControlServer.protocolVersion
        hello.program = "sigma-media \(sigmaVersion)"
        hello.journalID = Data(engine.journal.id)
        hello.udpPort = UInt32(port)
        let interfaces = Interfaces.addresses(seenBy: socket.number, port: port).map { UDPAddress($0) }
        hello.advertised = advertised(settings, port: port, interfaces: interfaces)
        hello.interfaces = interfaces
        hello.certificateFingerprints = [Fingerprint(engine.fingerprint)]
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
