import SigmaWire

/// What a flood is made of.
enum FloodKind: String, CaseIterable {
    /// Binding requests with a USERNAME that nobody has.
    case stun
    /// Binding requests with a session's USERNAME and a wrong MESSAGE-INTEGRITY.
    case integrity
    /// ClientHellos.
    case hello
    /// SRTP from the addresses of `--source`, with a wrong tag.
    case srtp
    /// Octets without meaning, 1 to 1200 of them.
    case random
    /// All of these.
    case mix
}

/// What the command line asks for.
struct FloodOptions {
    var interface = ""
    /// Link address of the next hop.
    var via: [UInt8] = []
    var target = Address.unspecified
    var kind = FloodKind.stun
    /// Datagrams a second; 0: as many as there can be.
    var rate = 100_000
    var seconds = 5.0
    /// The addresses that ``FloodKind/srtp`` is said to come from, empty for strangers.
    var sources: [Address] = []
    /// The USERNAME of ``FloodKind/integrity``.
    var username = "aaaaaaaaaaaa:aaaa"
    /// SSRCs of the forged SRTP, empty for random ones.
    var ssrcs: [UInt32] = []

    static let usage = """
        usage: sigma-flood --interface NAME --via MAC --target ADDRESS:PORT [--kind KIND] [--rate N] [--seconds S]

          --interface NAME       where the frames go out
          --via MAC              link address of the next hop, 02:00:00:00:00:01
          --target ADDRESS:PORT  IPv4
          --kind KIND            stun, integrity, hello, srtp, random or mix; stun
          --rate N               datagrams a second, 100000; 0: as many as there can be
          --seconds S            5
          --source ADDRESS:PORT  of the forged SRTP, may be repeated
          --ssrc N               of the forged SRTP, may be repeated
          --username OURS:THEIRS of the checks with a wrong integrity

        Sources that are not given are strangers in 198.18.0.0/15. Prints one JSON object. Needs CAP_NET_RAW.
        """

    struct Mistake: Error {
        let line: String
    }

    static func parse(_ arguments: [String]) throws(Mistake) -> FloodOptions {
        var options = FloodOptions()
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Mistake(line: "\(name) lacks its value") }
            try options.set(name, value)
        }
        guard !options.interface.isEmpty, options.via.count == 6, options.target != .unspecified else {
            throw Mistake(line: "--interface, --via and --target are needed; see --help")
        }
        return options
    }

    private mutating func set(_ name: String, _ value: String) throws(Mistake) {
        switch name {
        case "--interface": interface = value
        case "--via":
            via = value.split(separator: ":").compactMap { UInt8($0, radix: 16) }
        case "--target": target = try Self.address(value, name)
        case "--kind": kind = try Self.require(FloodKind(rawValue: value), name, value)
        case "--rate": rate = try Self.require(Int(value).flatMap { $0 >= 0 ? $0 : nil }, name, value)
        case "--seconds": seconds = try Self.require(Double(value), name, value)
        case "--source": sources.append(try Self.address(value, name))
        case "--ssrc": ssrcs.append(try Self.require(UInt32(value), name, value))
        case "--username": username = value
        default: throw Mistake(line: "\(name) is no option; see --help")
        }
    }

    private static func require<T>(_ value: T?, _ name: String, _ text: String) throws(Mistake) -> T {
        guard let value else { throw Mistake(line: "\(name) cannot be \(text)") }
        return value
    }

    private static func address(_ text: String, _ name: String) throws(Mistake) -> Address {
        let parts = text.split(separator: ":")
        let octets = parts.first?.split(separator: ".").compactMap { UInt8($0) } ?? []
        guard parts.count == 2, octets.count == 4, let port = UInt16(parts[1]) else {
            throw Mistake(line: "\(name) must be ADDRESS:PORT with an IPv4 address, not \(text)")
        }
        return Address(v4: octets.reduce(0) { $0 << 8 | UInt32($1) }, port: port)
    }
}
