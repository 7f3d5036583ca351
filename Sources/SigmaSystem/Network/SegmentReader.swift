internal import CSigmaSystem
package import SigmaWire

/// Reads any number of ``ClientSocket``s through one set of buffers, several datagrams at once and each of
/// them perhaps several that the kernel has joined (UDP_GRO).
package struct SegmentReader: ~Copyable {
    /// Joined datagrams of one ``receive(from:)``.
    package static let capacity = 16
    private static let bufferLength = 65_536
    private static let controlLength = 128

    private let buffers: UnsafeMutableRawPointer
    private let control: UnsafeMutableRawPointer
    private let names: UnsafeMutablePointer<sockaddr_in6>
    private let vectors: UnsafeMutablePointer<iovec>
    private let messages: UnsafeMutablePointer<mmsghdr>

    package init() {
        let count = Self.capacity
        buffers = .allocate(byteCount: count * Self.bufferLength, alignment: 64)
        control = .allocate(byteCount: count * Self.controlLength, alignment: 16)
        names = .allocate(capacity: count)
        vectors = .allocate(capacity: count)
        messages = .allocate(capacity: count)
        names.initialize(repeating: sockaddr_in6(), count: count)
        messages.initialize(repeating: mmsghdr(), count: count)
        for index in 0..<count {
            (vectors + index).initialize(
                to: iovec(iov_base: buffers + index * Self.bufferLength, iov_len: Self.bufferLength))
            messages[index].msg_hdr.msg_name = UnsafeMutableRawPointer(names + index)
            messages[index].msg_hdr.msg_iov = vectors + index
            messages[index].msg_hdr.msg_iovlen = 1
            messages[index].msg_hdr.msg_control = control + index * Self.controlLength
        }
    }

    deinit {
        buffers.deallocate()
        control.deallocate()
        names.deallocate()
        vectors.deallocate()
        messages.deallocate()
    }

    /// Takes what waits.
    ///
    /// - Returns: How many joined datagrams; ``withDatagram(_:_:)`` lends them until the next call.
    package mutating func receive(from number: Int32) throws(SystemError) -> Int {
        for index in 0..<Self.capacity {
            messages[index].msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
            messages[index].msg_hdr.msg_controllen = Self.controlLength
        }
        let count = CSigma_recvmmsg(number, messages, UInt32(Self.capacity))
        if count >= 0 { return Int(count) }
        // A pending ICMP error is reported here once and means nothing for what comes.
        if errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED { return 0 }
        throw .last("recvmmsg")
    }

    /// Lends joined datagram `index` of the last ``receive(from:)``.
    ///
    /// - Parameter body: Gets the octets; of how many each datagram in it has, the last one may have fewer;
    ///   where they came from; and the arrival time (Unix, ns; 0 when the kernel was not asked).
    package func withDatagram(_ index: Int, _ body: (RawSpan, Int, Address, Int64) -> Void) {
        precondition((0..<Self.capacity).contains(index), "no such datagram")
        let length = min(Int(messages[index].msg_len), Self.bufferLength)
        var segmentLength = length
        var arrival: Int64 = 0
        let header = withUnsafeMutablePointer(to: &messages[index].msg_hdr) { $0 }
        var item = CSigma_CMSG_FIRSTHDR(header)
        while let message = item {
            let data = UnsafeRawPointer(CSigma_CMSG_DATA(message))
            if message.pointee.cmsg_level == Int32(IPPROTO_UDP), message.pointee.cmsg_type == UDP_GRO {
                segmentLength = Int(data.map { $0.loadUnaligned(as: Int32.self) } ?? 0)
            } else if message.pointee.cmsg_level == SOL_SOCKET,
                message.pointee.cmsg_type == SO_TIMESTAMPNS_OLD
            {
                arrival = data.map { SystemClock.nanoseconds($0.loadUnaligned(as: timespec.self)) } ?? 0
            }
            item = CSigma_CMSG_NXTHDR(header, message)
        }
        let octets = UnsafeRawBufferPointer(start: buffers + index * Self.bufferLength, count: length)
        body(RawSpan(_unsafeBytes: octets), max(1, segmentLength), Address(names[index]), arrival)
    }
}
