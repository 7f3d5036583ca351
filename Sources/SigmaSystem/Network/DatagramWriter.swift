internal import CSigmaSystem
internal import SigmaWire

/// Headers and control messages for sendmmsg, laid out once.
struct DatagramWriter: ~Copyable {
    private static let capacity = 64
    private static let controlLength = 64
    /// How long a full send buffer may hold us up, ms.
    private static let patience: Int32 = 5

    private let control: UnsafeMutableRawPointer
    private let names: UnsafeMutablePointer<sockaddr_in6>
    private let vectors: UnsafeMutablePointer<iovec>
    private let messages: UnsafeMutablePointer<mmsghdr>

    init() {
        let count = Self.capacity
        control = .allocate(byteCount: count * Self.controlLength, alignment: 16)
        control.initializeMemory(as: UInt8.self, repeating: 0, count: count * Self.controlLength)
        names = .allocate(capacity: count)
        vectors = .allocate(capacity: count)
        messages = .allocate(capacity: count)
        names.initialize(repeating: sockaddr_in6(), count: count)
        vectors.initialize(repeating: iovec(), count: count)
        messages.initialize(repeating: mmsghdr(), count: count)
    }

    deinit {
        control.deallocate()
        names.deallocate()
        vectors.deallocate()
        messages.deallocate()
    }

    /// - Returns: How many the kernel refused.
    func send(_ batch: borrowing DatagramBatch, _ descriptor: Int32) -> UInt64 {
        var failures: UInt64 = 0
        var start = 0
        while start < batch.count {
            let count = min(Self.capacity, batch.count - start)
            for offset in 0..<count { prepare(offset, batch, start + offset) }
            var sent = 0
            var hasWaited = false
            while sent < count {
                let result = CSigma_sendmmsg(descriptor, messages + sent, UInt32(count - sent))
                if result > 0 {
                    sent += Int(result)
                } else if errno == EAGAIN, !hasWaited {
                    hasWaited = true
                    waitForRoom(descriptor)
                } else if errno != EINTR {
                    // This one cannot go; the others may.
                    failures += 1
                    sent += 1
                }
            }
            start += count
        }
        return failures
    }

    private func waitForRoom(_ descriptor: Int32) {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&entry, 1, Self.patience)
    }

    private func prepare(_ place: Int, _ batch: borrowing DatagramBatch, _ index: Int) {
        let path = batch.path(at: index)
        names[place] = path.remote.sockaddr
        vectors[place] = iovec(iov_base: batch.pointer(at: index), iov_len: batch.length(at: index))
        messages[place].msg_hdr.msg_name = UnsafeMutableRawPointer(names + place)
        messages[place].msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
        messages[place].msg_hdr.msg_iov = vectors + place
        messages[place].msg_hdr.msg_iovlen = 1
        messages[place].msg_hdr.msg_control = nil
        messages[place].msg_hdr.msg_controllen = 0
        guard path.local.high != 0 || path.local.low != 0 else { return }
        // Both families: the kernel takes a v4-mapped source for a v4-mapped destination.
        var info = in6_pktinfo()
        info.ipi6_addr = in6_addr(high: path.local.high, low: path.local.low)
        info.ipi6_ifindex = path.local.isLinkLocal ? path.interfaceIndex : 0
        let block = control + place * Self.controlLength
        let header = block.assumingMemoryBound(to: cmsghdr.self)
        header.pointee.cmsg_level = Int32(IPPROTO_IPV6)
        header.pointee.cmsg_type = IPV6_PKTINFO
        header.pointee.cmsg_len = CSigma_CMSG_LEN(MemoryLayout<in6_pktinfo>.size)
        UnsafeMutableRawPointer(CSigma_CMSG_DATA(header)).storeBytes(of: info, as: in6_pktinfo.self)
        messages[place].msg_hdr.msg_control = block
        messages[place].msg_hdr.msg_controllen = CSigma_CMSG_SPACE(MemoryLayout<in6_pktinfo>.size)
    }
}
