/// The variables of both programs; each program's table names those it reads.
enum Variables {
    static let tcpAddress = Variable(
        name: "TCP_ADDRESS", fallback: "0.0.0.0", help: "IP address that HTTP is served on",
        parse: {
            Parsed(IPAddress(parsing: $0), else: "is not an IP address; use one such as 0.0.0.0 or [::]")
        })
    static let tcpPort = Variable(
        name: "TCP_PORT", fallback: "8080", help: "TCP port that HTTP is served on", parse: { port($0) })
    static let udpAddress = Variable(
        name: "UDP_ADDRESS", fallback: "[::]",
        help: "IP address that media is received on; [::] is IPv6 and IPv4",
        parse: {
            Parsed(IPAddress(parsing: $0), else: "is not an IP address; use one such as [::] or 0.0.0.0")
        })
    static let udpPort = Variable(
        name: "UDP_PORT", fallback: "5004", help: "UDP port that all media goes through",
        parse: { port($0) })
    static let whipToken = Variable(
        name: "WHIP_TOKEN", fallback: nil,
        help: "bearer token that publishers must show, at least 16 characters",
        parse: { token($0) }, isSecret: true)
    static let frontendURL = Variable(
        name: "FRONTEND_URL", fallback: "",
        help: "origins of other web pages that may use this server, comma-separated; empty: none, *: any",
        parse: {
            Parse.list(
                $0, of: { Parse.origin($0) }, else: "is not an origin; use one such as https://tv.example.org"
            )
        })
    static let certificateDirectory = Variable(
        name: "CERTS_DIR", fallback: "/etc/sigma",
        help: "directory of the DTLS certificate (cert.pem) and its key (key.pem)",
        parse: { directory($0, reserving: 0) })
    static let runtimeDirectory = Variable(
        name: "SIGMA_RUNTIME_DIR", fallback: "/run/sigma",
        help: "directory of the sockets between the programs",
        parse: { directory($0, reserving: "/control.sock".utf8.count) })
    static let database = Variable(
        name: "SIGMA_DATABASE", fallback: "/var/lib/sigma/sigma.sqlite",
        help: "SQLite file of rooms, sessions and their history",
        parse: { text -> Parsed<String> in
            text.utf8.contains(0) || text.hasSuffix("/")
                ? .invalid("is not a path of a file; use one such as /var/lib/sigma/sigma.sqlite")
                : .value(text)
        })
    static let adminAddress = Variable(
        name: "SIGMA_ADMIN_ADDRESS", fallback: "127.0.0.1:8081",
        help: "address:port that the admin API is served on, once SIGMA_ADMIN_TOKEN is set; none: nowhere",
        parse: { text -> Parsed<SocketAddressSetting?> in
            if text == "none" { return .value(nil) }
            return Parsed(
                SocketAddressSetting(parsing: text).map { .some($0) },
                else: "is not an address and port; use one such as 127.0.0.1:8081, or none")
        })
    static let adminToken = Variable(
        name: "SIGMA_ADMIN_TOKEN", fallback: "",
        help: "bearer token of the admin API, at least 16 characters; empty: it is on admin.sock alone",
        parse: { text -> Parsed<Secret?> in
            guard !text.isEmpty else { return .value(nil) }
            switch token(text) {
            case .value(let secret): return .value(secret)
            case .invalid(let reason): return .invalid(reason)
            }
        }, isSecret: true)
    static let historyDays = Variable(
        name: "SIGMA_HISTORY_DAYS", fallback: "365",
        help: "days that the history of rooms and sessions is kept; 0: for ever",
        parse: { days($0) })
    static let clientDataDays = Variable(
        name: "SIGMA_CLIENT_DATA_DAYS", fallback: "30",
        help: "days that addresses and user agents of clients are kept; 0: as long as the history",
        parse: { days($0) })
    static let advertised = Variable(
        name: "SIGMA_ADVERTISE", fallback: "",
        help:
            "addresses that clients reach media at, as address, address:port or [v6]:port, comma-separated; "
            + "empty: the one the client's HTTP request came to",
        parse: {
            Parse.list(
                $0, of: { advertised($0) },
                else:
                    "is not a reachable address; use one such as 192.0.2.1, 192.0.2.1:5004 or [2001:db8::1]:5004"
            )
        })
    static let maximumSessions = Variable(
        name: "SIGMA_MAX_SESSIONS", fallback: "4096", help: "publishers and viewers at one time, at most",
        parse: {
            Parsed(
                Parse.number($0).flatMap { (1...1_048_576).contains($0) ? $0 : nil },
                else: "is not a number of sessions; use 1 to 1048576")
        })
    static let shards = Variable(
        name: "SIGMA_SHARDS", fallback: "",
        help: "threads that carry media; empty: one for each core, or for each socket of the service manager",
        parse: { text -> Parsed<Int?> in
            guard !text.isEmpty else { return .value(nil) }
            return Parsed(
                Parse.number(text).flatMap { (1...64).contains($0) ? .some($0) : nil },
                else: "is not a number of threads; use 1 to 64")
        })
    static let srtpBackend = Variable(
        name: "SIGMA_SRTP_BACKEND", fallback: "openssl",
        help: "what encrypts media: openssl, or ipsec-mb, which is faster on x86-64",
        parse: { Parsed(SRTPLibrary(rawValue: $0), else: "is not a library; use openssl or ipsec-mb") })
    static let processorLimit = Variable(
        name: "SIGMA_CPU_LIMIT", fallback: "85",
        help: "percent of a core above which a media thread takes no new viewers; 100: no limit",
        parse: {
            Parsed(
                Parse.number($0).flatMap { (1...100).contains($0) ? $0 : nil },
                else: "is not a percentage; use 1 to 100")
        })
    static let iceServers = Variable(
        name: "SIGMA_ICE_SERVERS", fallback: "",
        help: "STUN and TURN servers to tell clients of, comma-separated, as stun:host:port or "
            + "turn:host:port?transport=udp|username|credential",
        parse: {
            Parse.list(
                $0, of: { ICEServer(parsing: $0) },
                else: "is no server; use stun:host:port or turn:host:port?transport=udp|username|credential")
        }, isSecret: true)
    static let trustedProxies = Variable(
        name: "SIGMA_TRUSTED_PROXIES", fallback: "",
        help: "address ranges of reverse proxies in front of HTTP, such as 10.0.0.0/8, comma-separated",
        parse: {
            Parse.list(
                $0, of: { IPPrefix(parsing: $0) },
                else: "is not an address range; use one such as 10.0.0.0/8 or ::1")
        })

    private static func days(_ text: String) -> Parsed<Int?> {
        Parsed(
            Parse.number(text).flatMap { (0...36_500).contains($0) ? .some($0 == 0 ? nil : $0) : nil },
            else: "is not a number of days; use 0 to 36500")
    }

    private static func port(_ text: String) -> Parsed<UInt16> {
        Parsed(Parse.port(text), else: "is not a port; use 1 to 65535")
    }

    private static func token(_ text: String) -> Parsed<Secret> {
        guard text.utf8.count >= 16 else {
            return .invalid(
                "is too short; use at least 16 characters, such as the output of: openssl rand -hex 16")
        }
        // What a browser or OBS can send in an Authorization header (RFC 6750 §2.1, widened).
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            return .invalid("has characters other than printable ASCII; use letters and digits")
        }
        return .value(Secret(text))
    }

    /// - Parameter length: Octets of the longest socket name inside; sun_path holds 107 in all.
    private static func directory(_ text: String, reserving length: Int) -> Parsed<String> {
        let path = text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
        if length > 0, path.utf8.count + length > 107 {
            return .invalid("is too long for a socket inside it; use at most \(107 - length) characters")
        }
        return path.utf8.contains(0) ? .invalid("is not a path; use a directory") : .value(path)
    }

    private static func advertised(_ text: String) -> AdvertisedAddress? {
        guard let parsed = AdvertisedAddress(parsing: text), !parsed.address.isUnspecified,
            !parsed.address.isMulticast
        else { return nil }
        return parsed
    }
}
