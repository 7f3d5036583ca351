import SigmaSettings
import Testing

@Suite("Settings from the environment")
struct SettingsTests {
    private static let token = "0123456789abcdef"

    @Test func `media starts without any variable`() throws {
        let settings = try MediaSettings(environment: [:])
        #expect(settings.udpAddress.description == "::")
        #expect(settings.udpPort == 5004)
        #expect(settings.certificateDirectory == "/etc/sigma")
        #expect(settings.controlSocketPath == "/run/sigma/control.sock")
        #expect(settings.advertised.isEmpty)
        #expect(settings.maximumSessions == 4096)
        #expect(settings.srtpBackend == .openssl)
    }

    @Test func `signal needs only the token`() throws {
        let settings = try SignalSettings(environment: ["WHIP_TOKEN": Self.token])
        #expect(settings.tcpAddress.description == "0.0.0.0")
        #expect(settings.tcpPort == 8080)
        #expect(settings.whipToken.exposed == Self.token)
        #expect(settings.frontendOrigins.isEmpty)
        #expect(settings.iceServers.isEmpty)
        #expect(settings.trustedProxies.isEmpty)
        let limits = settings.httpLimits
        #expect(limits.connections == 2000 && limits.connectionsPerAddress == 16)
        #expect(limits.requestsPerSecond == 100 && limits.joinsPerSecond == 10)
        #expect(limits.tokenFailuresPerSecond == 1)
        #expect(limits.headerTimeout == .seconds(5) && limits.bodyTimeout == .seconds(10))
        #expect(limits.idleTimeout == .seconds(30))
        #expect(limits.unlimited.map(\.description) == ["127.0.0.0/8", "::1/128"])
    }

    @Test func `0 turns a limit off, none leaves no address without`() throws {
        let off = [
            "SIGMA_HTTP_CONNECTIONS", "SIGMA_HTTP_CONNECTIONS_PER_ADDRESS", "SIGMA_HTTP_REQUESTS_PER_SECOND",
            "SIGMA_HTTP_JOINS_PER_SECOND", "SIGMA_HTTP_TOKEN_FAILURES_PER_SECOND",
            "SIGMA_HTTP_HEADER_SECONDS", "SIGMA_HTTP_BODY_SECONDS", "SIGMA_HTTP_IDLE_SECONDS",
        ]
        var environment = Dictionary(uniqueKeysWithValues: off.map { ($0, "0") })
        environment["WHIP_TOKEN"] = Self.token
        environment["SIGMA_HTTP_UNLIMITED"] = "none"
        let limits = try SignalSettings(environment: environment).httpLimits
        #expect(limits.connections == nil && limits.connectionsPerAddress == nil)
        #expect(limits.requestsPerSecond == nil && limits.joinsPerSecond == nil)
        #expect(limits.tokenFailuresPerSecond == nil && limits.headerTimeout == nil)
        #expect(limits.bodyTimeout == nil && limits.idleTimeout == nil && limits.unlimited.isEmpty)
    }

    @Test(arguments: [
        ("SIGMA_HTTP_JOINS_PER_SECOND", "-1", "is not a limit; use 1 to 1000000, or 0 for none"),
        ("SIGMA_HTTP_HEADER_SECONDS", "5s", "is not a limit; use 1 to 3600, or 0 for none"),
        ("SIGMA_HTTP_CONNECTIONS", "99999999999999999999", "is not a limit; use 1 to 1000000, or 0 for none"),
    ])
    func `a wrong limit is one line`(variable: String, value: String, reason: String) {
        do {
            _ = try SignalSettings(environment: ["WHIP_TOKEN": Self.token, variable: value])
            Issue.record("accepted")
        } catch {
            #expect(error.description == "\(variable): \"\(value)\" \(reason)")
        }
    }

    @Test func `an empty or blank variable counts as unset`() throws {
        #expect(try MediaSettings(environment: ["UDP_PORT": "", "CERTS_DIR": "  "]).udpPort == 5004)
    }

    @Test func `reads lists`() throws {
        let media = try MediaSettings(environment: [
            "SIGMA_ADVERTISE": "192.0.2.1, 192.0.2.2:6000,[2001:db8::1]:7000, 2001:db8::2"
        ])
        #expect(
            media.advertised.map(\.address.description) == [
                "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2",
            ])
        #expect(media.advertised.map(\.port) == [nil, 6000, 7000, nil])
        let signal = try SignalSettings(environment: [
            "WHIP_TOKEN": Self.token,
            "FRONTEND_URL": "https://TV.example.org/, http://localhost:9000",
            "SIGMA_TRUSTED_PROXIES": "127.0.0.0/8,::1",
            "SIGMA_ICE_SERVERS":
                "stun:stun.example.org:3478,turns:turn.example.org?transport=tcp|alice|p\"a=s|".dropLast()
                + "",
        ])
        #expect(signal.frontendOrigins == ["https://tv.example.org", "http://localhost:9000"])
        #expect(signal.trustedProxies.map(\.description) == ["127.0.0.0/8", "::1/128"])
        #expect(
            signal.iceServers.map(\.url) == [
                "stun:stun.example.org:3478", "turns:turn.example.org?transport=tcp",
            ])
        #expect(signal.iceServers.map(\.username) == [nil, "alice"])
        #expect(signal.iceServers.last?.credential?.exposed == "p\"a=s")
    }

    @Test(arguments: [
        (["UDP_PORT": "99999"], #"UDP_PORT: "99999" is not a port; use 1 to 65535"#),
        (["UDP_PORT": "0"], #"UDP_PORT: "0" is not a port; use 1 to 65535"#),
        (["UDP_PORT": "-1"], #"UDP_PORT: "-1" is not a port; use 1 to 65535"#),
        (["UDP_PORT": "+80"], #"UDP_PORT: "+80" is not a port; use 1 to 65535"#),
        (["UDP_PORT": "5\n4"], #"UDP_PORT: "5\n4" is not a port; use 1 to 65535"#),
        (
            ["UDP_ADDRESS": "localhost"],
            #"UDP_ADDRESS: "localhost" is not an IP address; use one such as [::] or 0.0.0.0"#
        ),
        (
            ["SIGMA_SRTP_BACKEND": "fast"],
            #"SIGMA_SRTP_BACKEND: "fast" is not a library; use openssl or ipsec-mb"#
        ),
        (
            ["SIGMA_MAX_SESSIONS": "0"],
            #"SIGMA_MAX_SESSIONS: "0" is not a number of sessions; use 1 to 1048576"#
        ),
        (["SIGMA_CPU_LIMIT": "0"], #"SIGMA_CPU_LIMIT: "0" is not a percentage; use 1 to 100"#),
        (
            ["SIGMA_ADVERTISE": "192.0.2.1,tv.example.org"],
            #"SIGMA_ADVERTISE: "192.0.2.1,tv.example.org" has the item "tv.example.org", which "#
                + "is not a reachable address; use one such as 192.0.2.1, 192.0.2.1:5004 or [2001:db8::1]:5004"
        ),
    ])
    func `a wrong value is one line that names variable and remedy`(
        environment: [String: String], line: String
    ) {
        #expect(throws: SettingsError.self) { try MediaSettings(environment: environment) }
        do {
            _ = try MediaSettings(environment: environment)
        } catch {
            #expect(error.description == line)
        }
    }

    @Test(arguments: [
        "0.0.0.0", "::", "192.0.2.1:0", "192.0.2.1:65536", "[192.0.2.1]:80", "[::1", "239.0.0.1",
    ])
    func `an address that nobody can reach is not advertised`(text: String) {
        #expect(throws: SettingsError.self) { try MediaSettings(environment: ["SIGMA_ADVERTISE": text]) }
    }

    @Test(arguments: [
        nil, "pa55word", "fifteen-octets!", "has a blank in the middle", "ünïcödé-ünïcödé-ünïcödé",
    ])
    func `a token is required, long and printable, and never shown`(token: String?) {
        do {
            _ = try SignalSettings(environment: token.map { ["WHIP_TOKEN": $0] } ?? [:])
            Issue.record("accepted")
        } catch {
            #expect(error.variable == "WHIP_TOKEN")
            #expect(!error.description.contains("\n"))
            if let token { #expect(!error.description.contains(token)) }
        }
    }

    @Test(arguments: [
        "tv.example.org", "ftp://tv.example.org", "https://", "https://a/b", "https://a?x", "https://a b",
    ])
    func `FRONTEND_URL is made of origins`(text: String) {
        #expect(throws: SettingsError.self) {
            try SignalSettings(environment: ["WHIP_TOKEN": Self.token, "FRONTEND_URL": text])
        }
    }

    @Test(arguments: [
        "stun.example.org", "stun:", "stun:host:0", "stun:host|user|word", "turn:host", "turn:host|user",
        "turn:host||word", "turn:host?transport=sctp|user|word", "stun:host?transport=udp", "stun:a>b",
        "stun:a\"b", "http:host", "stun:[::1", "stun:a:b:c", "turn:host|user|pass|more",
        "turn:host|user|\u{7}bell",
    ])
    func `SIGMA_ICE_SERVERS takes RFC 7064 and RFC 7065 URLs only, and hides credentials`(text: String) {
        do {
            _ = try SignalSettings(environment: ["WHIP_TOKEN": Self.token, "SIGMA_ICE_SERVERS": text])
            Issue.record("accepted")
        } catch {
            #expect(error.variable == "SIGMA_ICE_SERVERS")
            #expect(!error.description.contains("word"))
        }
    }

    @Test func `a directory too long for its socket is refused at the start`() {
        #expect(throws: SettingsError.self) {
            try MediaSettings(environment: ["SIGMA_RUNTIME_DIR": String(repeating: "x", count: 95)])
        }
    }

    @Test func `misspelt variables are found`() {
        #expect(
            unknownVariables(in: ["SIGMA_ADVERTIZE": "", "SIGMA_ADVERTISE": "", "HOME": ""]) == [
                "SIGMA_ADVERTIZE"
            ])
    }

    @Test func `--help has every variable with its default`() {
        let invocation = Invocation(
            arguments: ["--help"], program: "sigma-signal", purpose: "HTTP",
            variables: SignalSettings.variables)
        guard case .print(let text) = invocation else {
            Issue.record("\(invocation)")
            return
        }
        for variable in SignalSettings.variables { #expect(text.contains("  \(variable.name) ")) }
        #expect(text.contains("(default: 8080)"))
        #expect(text.contains("(required)"))
    }

    @Test func `arguments other than --help and --version are refused`() {
        func invocation(_ arguments: [String]) -> Invocation {
            Invocation(arguments: arguments, program: "sigma-media", purpose: "", variables: [])
        }
        #expect(invocation([]) == .run)
        #expect(invocation(["--version"]) == .print("sigma-media \(sigmaVersion)"))
        #expect(invocation(["-x"]) == .misuse(#"sigma-media: "-x" is not an option; see sigma-media --help"#))
    }
}

@Suite("Secret")
struct SecretTests {
    @Test func `matches itself alone`() {
        let secret = Secret("0123456789abcdef")
        #expect(secret.matches("0123456789abcdef"))
        for other in [
            "", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0",
            "0123456789abcdef0123456789abcdef",
        ] {
            #expect(!secret.matches(other))
        }
        #expect(!Secret("").matches(""))
    }

    @Test func `is not printed`() {
        let secret = Secret("0123456789abcdef")
        #expect(
            !"\(secret) \(String(reflecting: secret)) \(Mirror(reflecting: secret).children.count)".contains(
                "0123"))
    }
}
