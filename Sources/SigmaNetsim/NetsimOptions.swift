internal import SigmaImpairment
internal import SigmaSettings
package import SigmaWire

/// What the command line asks for.
package struct NetsimOptions: Sendable {
    package var listen = Address(v4: 0x7F00_0001, port: 0)
    package var server = Address.unspecified
    package var seed: UInt64 = 1
    package var orders: [Order] = []

    package enum Outcome: Sendable {
        case run(NetsimOptions)
        case help
        case mistake(String)
    }

    package static func parse(_ arguments: [String]) -> Outcome {
        var options = NetsimOptions()
        var rest = arguments[...]
        while let name = rest.popFirst() {
            if name == "--help" || name == "-h" { return .help }
            guard let value = rest.popFirst() else {
                return .mistake("\(name) is no option, or lacks its value; see --help")
            }
            do throws(Order.Mistake) {
                try options.set(name, value)
            } catch {
                return .mistake(error.line)
            }
        }
        guard options.server.port != 0 else {
            return .mistake("--server is needed, for example --server 127.0.0.1:5004")
        }
        return .run(options)
    }

    private mutating func set(_ name: String, _ value: String) throws(Order.Mistake) {
        switch name {
        case "--listen": listen = try Self.address(name, value)
        case "--server": server = try Self.address(name, value)
        case "--seed":
            guard let number = UInt64(value) else { throw .init(line: "--seed must be a number from 0") }
            seed = number
        case "--up", "--down", "--both":
            for part in value.split(separator: ",") {
                do throws(Order.Mistake) {
                    orders.append(try Order(parsing: "\(name.dropFirst(2)) \(part)"))
                } catch {
                    throw .init(line: "\(name): \(error.line)")
                }
            }
        default: throw .init(line: "\(name) is no option; see --help")
        }
    }

    private static func address(_ name: String, _ value: String) throws(Order.Mistake) -> Address {
        guard let parsed = AdvertisedAddress(parsing: value) else {
            throw .init(line: "\(name) must be an address and a port, such as 127.0.0.1:5004 or [::1]:5004")
        }
        let halves = parsed.address.octets.reduce(into: (high: UInt64(0), low: UInt64(0))) { halves, octet in
            halves.high = halves.high << 8 | halves.low >> 56
            halves.low = halves.low << 8 | UInt64(octet)
        }
        return Address(high: halves.high, low: halves.low, port: parsed.port ?? 0)
    }

    package static let usage = """
        usage: sigma-netsim --server ADDRESS:PORT [--listen 127.0.0.1] [--seed 1] [--both ORDERS] …

        Relays UDP between clients and a server, and treats it as a bad network would. Each client has a socket of
        its own towards the server, which so sees as many paths as there are clients. Let SIGMA_ADVERTISE name the
        address that the first line of output tells.

          --server ADDRESS:PORT    where the server listens
          --listen ADDRESS[:PORT]  where clients come, 127.0.0.1; without a port on one that is free
          --seed N                 1; the same seed and the same datagrams have the same fate
          --up ORDERS              from clients to the server: orders with commas between them
          --down ORDERS            from the server to clients
          --both ORDERS            either way

        Orders; also on standard input while it runs, one a line, with up or down in front for one direction only.
        Each is answered by a line: ok, or what is wrong.

          loss 5%                  that many are lost, each for itself; 0.05 says the same
          burst 1% 25%             all are lost in a burst; the chance that one begins it, and that one ends it
          delay 25ms               each takes so long; us, ms or s
          jitter 10ms              and up to so much longer, each for itself: more than their spacing reorders
          reorder 20% 5ms 20ms     that many are held back for so long, so that others overtake them
          duplicate 1%             that many come twice
          rate 2M 64k              bit/s that a client's direction carries, and octets that wait at most
          blackout 2s              nothing passes for so long
          clear                    a link that does nothing
          counts                   answered by the counts so far

        burst off, reorder off and rate off end these. The end of standard input, SIGTERM or SIGINT ends it; the
        last line is a JSON object of what became of the datagrams of each direction.
        """
}
