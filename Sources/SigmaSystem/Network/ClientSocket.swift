internal import CSigmaSystem
package import SigmaWire

/// The UDP socket of one client among many: it has no buffers of its own, ``SegmentReader`` reads it.
package struct ClientSocket: ~Copyable {
    private let descriptor: Descriptor
    package let localAddress: Address

    /// Octets of the receive buffer: some keyframes at once.
    private static let bufferLength: Int32 = 2 << 20

    /// Opens a dual-stack socket on a port that the kernel chooses.
    ///
    /// - Parameter hasArrivalTimes: Whether the kernel notes when each datagram came.
    package init(hasArrivalTimes: Bool) throws(SystemError) {
        let descriptor = try Descriptor.checked(
            socket(
                AF_INET6,
                Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0),
            "socket")
        let number = descriptor.number
        try Self.set(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0, "IPV6_V6ONLY")
        if hasArrivalTimes { try Self.set(number, SOL_SOCKET, SO_TIMESTAMPNS_OLD, 1, "SO_TIMESTAMPNS") }
        // An older kernel has no UDP_GRO; then each datagram comes alone.
        try? Self.set(number, Int32(IPPROTO_UDP), UDP_GRO, 1, "UDP_GRO")
        do throws(SystemError) {
            try Self.set(number, SOL_SOCKET, SO_RCVBUFFORCE, Self.bufferLength, "SO_RCVBUFFORCE")
        } catch {
            try? Self.set(number, SOL_SOCKET, SO_RCVBUF, Self.bufferLength, "SO_RCVBUF")
        }
        var name = Address.unspecified.sockaddr
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        guard CSigma_bind(number, &name, length) == 0 else { throw .last("bind") }
        guard CSigma_getsockname(number, &name, &length) == 0 else { throw .last("getsockname") }
        localAddress = Address(name)
        self.descriptor = descriptor
    }

    private static func set(
        _ number: Int32, _ level: Int32, _ option: Int32, _ value: Int32, _ name: String
    ) throws(SystemError) {
        var value = value
        guard setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw .last("setsockopt(\(name))")
        }
    }

    package var number: Int32 { descriptor.number }

    /// From now on only `remote` is heard.
    package borrowing func connect(to remote: Address) throws(SystemError) {
        var name = remote.sockaddr
        let size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        guard CSigma_connect(descriptor.number, &name, size) == 0 else { throw .last("connect") }
    }

    /// - Returns: `false` when the kernel refused it.
    package borrowing func send(_ datagram: [UInt8], to remote: Address) -> Bool {
        var name = remote.sockaddr
        let size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        return CSigma_sendto(descriptor.number, datagram, datagram.count, &name, size) == datagram.count
    }

    /// Datagrams that came and found the receive buffer full (SK_MEMINFO_DROPS of SO_MEMINFO).
    package borrowing func droppedDatagrams() -> Int {
        var values = [UInt32](repeating: 0, count: 9)
        var length = socklen_t(values.count * MemoryLayout<UInt32>.size)
        let result = getsockopt(descriptor.number, SOL_SOCKET, SO_MEMINFO, &values, &length)
        return result == 0 ? Int(values[8]) : 0
    }
}
