internal import CSigmaSystem
internal import SigmaWire

/// Headers and control messages for sendmmsg, laid out once: one message for a run of datagrams, which the kernel
/// cuts into segments (UDP_SEGMENT).
struct DatagramWriter: ~Copyable {
    /// Messages of one system call.
    private static let capacity = 64
    private static let controlLength = 128
    /// How long a full send buffer may hold us up, ms.
    private static let patience: Int32 = 5
    /// Two datagrams cost less as two messages than as one with two segments.
    private static let leastSegments = 3

    private let control: UnsafeMutableRawPointer
    private let names: UnsafeMutablePointer<sockaddr_in6>
    private let vectors: UnsafeMutablePointer<iovec>
    private let messages: UnsafeMutablePointer<mmsghdr>
    /// Messages that are laid out and not sent.
    private var count = 0
    private(set) var statistics = SendStatistics()
    /// Cleared when the kernel, or the interface, has no segmentation.
    var segments = true

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
        for place in 0..<count { layOut(place) }
    }

    /// What stays the same: both control messages, of which a datagram may do without either.
    private func layOut(_ place: Int) {
        (messages + place).pointee.msg_hdr.msg_name = UnsafeMutableRawPointer(names + place)
        (messages + place).pointee.msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
        (messages + place).pointee.msg_hdr.msg_iov = vectors + place
        (messages + place).pointee.msg_hdr.msg_iovlen = 1
        let source = block(place).assumingMemoryBound(to: cmsghdr.self)
        source.pointee.cmsg_level = Int32(IPPROTO_IPV6)
        source.pointee.cmsg_type = IPV6_PKTINFO
        source.pointee.cmsg_len = CSigma_CMSG_LEN(MemoryLayout<in6_pktinfo>.size)
        let segment = (block(place) + Self.sourceSpace).assumingMemoryBound(to: cmsghdr.self)
        segment.pointee.cmsg_level = Int32(IPPROTO_UDP)
        segment.pointee.cmsg_type = UDP_SEGMENT
        segment.pointee.cmsg_len = CSigma_CMSG_LEN(MemoryLayout<UInt16>.size)
    }

    private func block(_ place: Int) -> UnsafeMutableRawPointer { control + place * Self.controlLength }

    private static var sourceSpace: Int { CSigma_CMSG_SPACE(MemoryLayout<in6_pktinfo>.size) }
    private static var segmentSpace: Int { CSigma_CMSG_SPACE(MemoryLayout<UInt16>.size) }

    deinit {
        control.deallocate()
        names.deallocate()
        vectors.deallocate()
        messages.deallocate()
    }

    mutating func send(_ batch: borrowing DatagramBatch, _ descriptor: Int32) {
        for index in 0..<batch.runCount {
            let run = batch.run(at: index)
            guard let octets = batch.pointer(to: run) else { continue }
            if segments, run.count >= Self.leastSegments {
                add(run, octets, length: run.octets, segment: run.segment, descriptor)
            } else {
                addEach(run, octets, descriptor)
            }
        }
        flush(descriptor)
    }

    /// Lays out each datagram of a run as a message of its own.
    private mutating func addEach(
        _ run: DatagramBatch.Run, _ octets: UnsafeMutableRawPointer, _ descriptor: Int32
    ) {
        var offset = 0
        while offset < run.octets {
            let length = min(run.segment, run.octets - offset)
            add(run, octets + offset, length: length, segment: 0, descriptor)
            offset += length
        }
    }

    /// - Parameter segment: 0 for a single datagram.
    private mutating func add(
        _ run: DatagramBatch.Run, _ octets: UnsafeMutableRawPointer, length: Int, segment: Int,
        _ descriptor: Int32
    ) {
        if count == Self.capacity { flush(descriptor) }
        names[count] = run.path.remote.sockaddr
        vectors[count] = iovec(iov_base: octets, iov_len: length)
        let hasSource = run.path.local.high != 0 || run.path.local.low != 0
        if hasSource { writeSource(run.path, block(count)) }
        if segment > 0 {
            let message = (block(count) + Self.sourceSpace).assumingMemoryBound(to: cmsghdr.self)
            UnsafeMutableRawPointer(CSigma_CMSG_DATA(message)).storeBytes(
                of: UInt16(truncatingIfNeeded: segment), as: UInt16.self)
        }
        let start = block(count) + (hasSource ? 0 : Self.sourceSpace)
        let used = (hasSource ? Self.sourceSpace : 0) + (segment > 0 ? Self.segmentSpace : 0)
        messages[count].msg_hdr.msg_control = used > 0 ? start : nil
        messages[count].msg_hdr.msg_controllen = used
        count += 1
    }

    /// Both families: the kernel takes a v4-mapped source for a v4-mapped destination.
    private func writeSource(_ path: Path, _ block: UnsafeMutableRawPointer) {
        var info = in6_pktinfo()
        info.ipi6_addr = in6_addr(high: path.local.high, low: path.local.low)
        info.ipi6_ifindex = path.local.isLinkLocal ? path.interfaceIndex : 0
        let message = block.assumingMemoryBound(to: cmsghdr.self)
        UnsafeMutableRawPointer(CSigma_CMSG_DATA(message)).storeBytes(of: info, as: in6_pktinfo.self)
    }

    private mutating func flush(_ descriptor: Int32) {
        var sent = 0
        var hasWaited = false
        while sent < count {
            let result = CSigma_sendmmsg(descriptor, messages + sent, UInt32(count - sent))
            if result > 0 {
                sent += Int(result)
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN where !hasWaited, ENOBUFS where !hasWaited:
                hasWaited = true
                waitForRoom(descriptor)
            default:
                // This one cannot go; the others may.
                recover(sent, errno, descriptor)
                sent += 1
            }
        }
        count = 0
    }

    private func waitForRoom(_ descriptor: Int32) {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&entry, 1, Self.patience)
    }

    /// Sends a refused run datagram by datagram where the run was what was refused.
    private mutating func recover(_ place: Int, _ error: Int32, _ descriptor: Int32) {
        let octets = vectors[place].iov_len
        let segment = segment(of: place)
        guard segment > 0 else {
            statistics.note(error, datagrams: 1)
            return
        }
        switch error {
        case EIO, EOPNOTSUPP, ENOPROTOOPT:
            // No checksum offload on the interface, or a kernel without UDP_SEGMENT.
            segments = false
            statistics.segmentationRefused &+= 1
        case EINVAL, EMSGSIZE:
            // This path's MTU is smaller than a segment.
            statistics.segmentationRefused &+= 1
        default:
            statistics.note(error, datagrams: UInt64((octets + segment - 1) / segment))
            return
        }
        sendApart(place, octets, segment, descriptor)
    }

    private mutating func sendApart(_ place: Int, _ octets: Int, _ segment: Int, _ descriptor: Int32) {
        guard let base = vectors[place].iov_base else { return }
        messages[place].msg_hdr.msg_controllen -= Self.segmentSpace
        var offset = 0
        while offset < octets {
            vectors[place] = iovec(iov_base: base + offset, iov_len: min(segment, octets - offset))
            if CSigma_sendmmsg(descriptor, messages + place, 1) != 1 { statistics.note(errno, datagrams: 1) }
            offset += segment
        }
    }

    /// The segment length of a message that is laid out; 0 for a single datagram.
    private func segment(of place: Int) -> Int {
        let header = withUnsafeMutablePointer(to: &messages[place].msg_hdr) { $0 }
        var item = CSigma_CMSG_FIRSTHDR(header)
        while let message = item {
            if message.pointee.cmsg_level == Int32(IPPROTO_UDP), message.pointee.cmsg_type == UDP_SEGMENT {
                return Int(UnsafeRawPointer(CSigma_CMSG_DATA(message)).loadUnaligned(as: UInt16.self))
            }
            item = CSigma_CMSG_NXTHDR(header, message)
        }
        return 0
    }
}

/// What did not go out as it was meant to.
package struct SendStatistics: Sendable {
    /// Datagrams the kernel refused.
    package var failures: UInt64 = 0
    /// Of these, for want of room in the socket's buffer or the interface's queue.
    package var overflows: UInt64 = 0
    /// Runs that had to go datagram by datagram.
    package var segmentationRefused: UInt64 = 0

    mutating func note(_ error: Int32, datagrams: UInt64) {
        failures &+= datagrams
        if error == EAGAIN || error == ENOBUFS { overflows &+= datagrams }
    }
}
