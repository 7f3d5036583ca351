internal import CSigmaSystem
internal import SigmaWire

/// Buffers and headers for recvmmsg, laid out once.
struct DatagramReader: ~Copyable {
    static let capacity = 64
    /// More than any path's MTU carries; what is longer is cut off and dropped.
    private static let bufferLength = 2048
    private static let controlLength = 128

    private let buffers: UnsafeMutableRawPointer
    private let control: UnsafeMutableRawPointer
    private let names: UnsafeMutablePointer<sockaddr_in6>
    private let vectors: UnsafeMutablePointer<iovec>
    private let messages: UnsafeMutablePointer<mmsghdr>
    private var paths: [Path]
    private var arrivals: [Int64]

    init() {
        let count = Self.capacity
        buffers = .allocate(byteCount: count * Self.bufferLength, alignment: 64)
        control = .allocate(byteCount: count * Self.controlLength, alignment: 16)
        names = .allocate(capacity: count)
        vectors = .allocate(capacity: count)
        messages = .allocate(capacity: count)
        paths = Array(repeating: Path(local: .unspecified, remote: .unspecified), count: count)
        arrivals = Array(repeating: 0, count: count)
        names.initialize(repeating: sockaddr_in6(), count: count)
        messages.initialize(repeating: mmsghdr(), count: count)
        for index in 0..<count {
            (vectors + index).initialize(
                to: iovec(iov_base: buffers + index * Self.bufferLength, iov_len: Self.bufferLength))
        }
    }

    deinit {
        buffers.deallocate()
        control.deallocate()
        names.deallocate()
        vectors.deallocate()
        messages.deallocate()
    }

    mutating func receive(_ descriptor: Int32, port: UInt16) throws(SystemError) -> Int {
        for index in 0..<Self.capacity {
            messages[index].msg_hdr.msg_name = UnsafeMutableRawPointer(names + index)
            messages[index].msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
            messages[index].msg_hdr.msg_iov = vectors + index
            messages[index].msg_hdr.msg_iovlen = 1
            messages[index].msg_hdr.msg_control = control + index * Self.controlLength
            messages[index].msg_hdr.msg_controllen = Self.controlLength
        }
        let count = CSigma_recvmmsg(descriptor, messages, UInt32(Self.capacity))
        guard count >= 0 else {
            // A pending ICMP error is reported here once and means nothing for the others.
            if errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED { return 0 }
            throw .last("recvmmsg")
        }
        for index in 0..<Int(count) { readControl(index, port: port) }
        return Int(count)
    }

    private mutating func readControl(_ index: Int, port: UInt16) {
        var local = Address(high: 0, low: 0, port: port)
        var interface: UInt32 = 0
        arrivals[index] = 0
        let header = withUnsafeMutablePointer(to: &messages[index].msg_hdr) { $0 }
        var item = CSigma_CMSG_FIRSTHDR(header)
        while let message = item {
            if message.pointee.cmsg_level == Int32(IPPROTO_IPV6), message.pointee.cmsg_type == IPV6_PKTINFO {
                let info = UnsafeRawPointer(CSigma_CMSG_DATA(message)).loadUnaligned(as: in6_pktinfo.self)
                (local.high, local.low) = info.ipi6_addr.halves
                interface = info.ipi6_ifindex
            } else if message.pointee.cmsg_level == SOL_SOCKET,
                message.pointee.cmsg_type == SO_TIMESTAMPNS_OLD
            {
                let time = UnsafeRawPointer(CSigma_CMSG_DATA(message)).loadUnaligned(as: timespec.self)
                arrivals[index] = SystemClock.nanoseconds(time)
            }
            item = CSigma_CMSG_NXTHDR(header, message)
        }
        if local.isLinkLocal { local.scope = interface }
        paths[index] = Path(local: local, remote: Address(names[index]), interfaceIndex: interface)
    }

    func withDatagram(_ index: Int, _ body: (inout MutableRawSpan, Int, Path, Int64) -> Void) {
        let isCutOff = messages[index].msg_hdr.msg_flags & Int32(MSG_TRUNC) != 0
        guard !isCutOff else { return }
        let buffer = UnsafeMutableRawBufferPointer(
            start: buffers + index * Self.bufferLength, count: Self.bufferLength)
        var span = MutableRawSpan(_unsafeBytes: buffer)
        body(&span, Int(messages[index].msg_len), paths[index], arrivals[index])
    }
}
