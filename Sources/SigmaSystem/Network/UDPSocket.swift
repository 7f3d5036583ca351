internal import CSigmaSystem
package import SigmaWire

/// The one UDP port, IPv4 and IPv6, read and written in batches.
///
/// Every datagram comes with its arrival time and the local address it was sent to, and goes out from the
/// local address of its path, so that a host with several addresses answers from the one that was asked.
package struct UDPSocket: ~Copyable {
    private let descriptor: Descriptor
    private var reader: DatagramReader
    private var writer: DatagramWriter
    package let localAddress: Address
    /// Whether runs of datagrams go to the kernel as one message; it ends by itself where that is refused.
    package var isSegmenting: Bool {
        get { writer.segments }
        set { writer.segments = newValue }
    }

    package var sendStatistics: SendStatistics { writer.statistics }

    private static let bufferLength: Int32 = 8 << 20

    /// Opens and binds a socket; IPv4 addresses are given v4-mapped.
    ///
    /// - Parameter sharesPort: Others of this process are bound to the same address, and the kernel spreads what
    ///   comes over all of them (SO_REUSEPORT).
    package init(binding address: Address, sharesPort: Bool = false) throws(SystemError) {
        let descriptor = try Descriptor.checked(
            socket(AF_INET6, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0), "socket")
        try Self.set(descriptor.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0, "IPV6_V6ONLY")
        if sharesPort { try Self.set(descriptor.number, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT") }
        var name = address.sockaddr
        let size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        guard CSigma_bind(descriptor.number, &name, size) == 0 else { throw .last("bind") }
        try self.init(preparing: descriptor)
    }

    /// Takes over a socket that the service manager bound.
    package init(inherited descriptor: consuming Descriptor) throws(SystemError) {
        try self.init(preparing: descriptor)
    }

    private init(preparing descriptor: consuming Descriptor) throws(SystemError) {
        let number = descriptor.number
        _ = CSigma_fcntl_int(number, F_SETFL, O_NONBLOCK)
        try Self.set(number, Int32(IPPROTO_IPV6), IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO")
        try Self.set(number, SOL_SOCKET, SO_TIMESTAMPNS_OLD, 1, "SO_TIMESTAMPNS")
        // As much as the kernel allows; under systemd the socket unit sets more.
        try? Self.set(number, SOL_SOCKET, SO_RCVBUF, Self.bufferLength, "SO_RCVBUF")
        try? Self.set(number, SOL_SOCKET, SO_SNDBUF, Self.bufferLength, "SO_SNDBUF")
        var name = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        guard CSigma_getsockname(number, &name, &length) == 0 else { throw .last("getsockname") }
        localAddress = Address(name)
        reader = DatagramReader()
        writer = DatagramWriter()
        self.descriptor = descriptor
    }

    /// The same socket once more, for another thread to send by.
    package borrowing func duplicate() throws(SystemError) -> UDPSocket {
        let copy = CSigma_fcntl_int(descriptor.number, F_DUPFD_CLOEXEC, 0)
        return try UDPSocket(preparing: try Descriptor.checked(copy, "fcntl(F_DUPFD_CLOEXEC)"))
    }

    /// Whether others may be bound to the same address.
    package var sharesPort: Bool {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor.number, SOL_SOCKET, SO_REUSEPORT, &value, &length) == 0 && value != 0
    }

    private static func set(
        _ number: Int32, _ level: Int32, _ option: Int32, _ value: Int32, _ name: String
    ) throws(SystemError) {
        var value = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        guard setsockopt(number, level, option, &value, size) == 0 else {
            throw .last("setsockopt(\(name))")
        }
    }

    package var number: Int32 { descriptor.number }

    /// Datagrams that found the receive buffer full since the socket was made; wraps at 2³².
    package var receiveOverflow: UInt64 {
        // SK_MEMINFO_DROPS is the last of nine (linux/sock_diag.h).
        var information = [UInt32](repeating: 0, count: 9)
        var length = socklen_t(9 * MemoryLayout<UInt32>.stride)
        guard getsockopt(descriptor.number, SOL_SOCKET, SO_MEMINFO, &information, &length) == 0 else {
            return 0
        }
        return UInt64(information[8])
    }

    /// What the kernel did not carry, by the names of the statistics.
    ///
    /// - Parameter asReader: Whether what was not received is to be told here.
    package func counters(asReader: Bool) -> [(String, UInt64)] {
        [
            ("receive_overflow", asReader ? receiveOverflow : 0),
            ("send_failures", sendStatistics.failures), ("send_overflow", sendStatistics.overflows),
            ("segmentation_refused", sendStatistics.segmentationRefused),
        ]
    }

    /// Datagrams that one ``receive()`` takes at most.
    package static var receiveLimit: Int { DatagramReader.capacity }

    /// Takes what waits, at most ``receiveLimit`` datagrams.
    ///
    /// - Returns: How many; ``withDatagram(_:_:)`` lends them until the next call.
    package mutating func receive() throws(SystemError) -> Int {
        try reader.receive(descriptor.number, port: localAddress.port)
    }

    /// Lends datagram `index` of the last ``receive()``.
    ///
    /// - Parameter body: Gets the buffer, the length, the path and the arrival time (Unix, ns; 0 when the
    ///   kernel did not say).
    package func withDatagram(
        _ index: Int, _ body: (inout MutableRawSpan, Int, Path, Int64) -> Void
    ) {
        reader.withDatagram(index, body)
    }

    /// Sends the batch in its order; what the kernel refuses is counted and left out.
    package mutating func send(_ batch: borrowing DatagramBatch) {
        writer.send(batch, descriptor.number)
    }
}
