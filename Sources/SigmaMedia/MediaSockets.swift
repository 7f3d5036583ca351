internal import SigmaSettings
internal import SigmaSystem
internal import SigmaWire

/// The UDP sockets of the process, all of one port, and which shard has which.
struct MediaSockets {
    let shardCount: Int
    private let sockets: [ShardSocket]

    var first: ShardSocket { sockets[0] }

    /// Takes the sockets that the service manager has bound, or binds one for each shard.
    ///
    /// - Throws: ``StartError``.
    init(_ settings: MediaSettings, _ inherited: InheritedDescriptors) throws(StartError) {
        let handed = inherited.numbers(named: "udp")
        if handed.isEmpty {
            shardCount = settings.shards ?? Processors.count
            sockets = try Self.bind(settings, count: shardCount)
        } else {
            shardCount = settings.shards ?? handed.count
            sockets = try Self.adopt(handed, settings)
        }
    }

    /// What each shard gets: the ones it reads, or one of another's to send by.
    ///
    /// Every socket is read by some shard: one that nobody reads would strand its share of the datagrams.
    func spread() throws(StartError) -> [[ShardSocket]] {
        var shares = Array(repeating: [ShardSocket](), count: shardCount)
        for (place, socket) in sockets.enumerated() { shares[place % shardCount].append(socket) }
        do throws(SystemError) {
            for shard in shares.indices where shares[shard].isEmpty {
                shares[shard] = [try sockets[shard % sockets.count].lend()]
            }
        } catch {
            throw StartError(description: "SIGMA_SHARDS: \(error)")
        }
        return shares
    }

    private static func adopt(
        _ numbers: [Int32], _ settings: MediaSettings
    ) throws(StartError) -> [ShardSocket] {
        var sockets: [ShardSocket] = []
        for number in numbers {
            let socket: ShardSocket
            do throws(SystemError) {
                socket = ShardSocket(try UDPSocket(inherited: Descriptor(owning: number)))
            } catch {
                throw StartError(
                    description: "ListenDatagram: \(error); use [::]:PORT with BindIPv6Only=both")
            }
            guard numbers.count == 1 || socket.sharesPort else {
                throw StartError(
                    description: "ListenDatagram: \(numbers.count) UDP sockets were handed over without "
                        + "ReusePort=yes, of which the kernel would feed one only; add it to the socket unit")
            }
            sockets.append(socket)
        }
        let port = sockets[0].localAddress.port
        guard sockets.allSatisfy({ $0.localAddress.port == port }) else {
            throw StartError(
                description: "ListenDatagram: the UDP sockets that were handed over have different ports; "
                    + "media has one")
        }
        if port != settings.udpPort {
            Log.write(
                .warning,
                "UDP_PORT is \(settings.udpPort), but the inherited socket has port \(port): that one is used"
            )
        }
        return sockets
    }

    private static func bind(_ settings: MediaSettings, count: Int) throws(StartError) -> [ShardSocket] {
        let octets = settings.udpAddress.octets
        var address = Address(
            high: octets[0..<8].reduce(0) { $0 << 8 | UInt64($1) },
            low: octets[8..<16].reduce(0) { $0 << 8 | UInt64($1) }, port: settings.udpPort)
        do throws(SystemError) {
            // Alone first: a shared port would be shared with another sigma-media as well, unnoticed.
            let alone = try UDPSocket(binding: address)
            guard count > 1 else { return [ShardSocket(alone)] }
            address = alone.localAddress
            _ = consume alone
            var sockets: [ShardSocket] = []
            for _ in 0..<count {
                sockets.append(ShardSocket(try UDPSocket(binding: address, sharesPort: true)))
            }
            return sockets
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
}
