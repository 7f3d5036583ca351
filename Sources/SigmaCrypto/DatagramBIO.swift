internal import COpenSSL

/// The transport under one `SSL`: one datagram per read and per write.
///
/// OpenSSL's memory BIO keeps octets, not datagrams, and 3.0 has no datagram memory BIO, so this is a
/// `BIO_METHOD` of our own over two queues. The `SSL` owns the BIO, the BIO one reference to this.
final class DatagramBIO {
    /// What the next read returns; one datagram, since OpenSSL drains it before it asks again.
    var inbound: [UInt8] = []
    var outbound: [[UInt8]] = []
    /// What a peer has to send back before it is believed that it gets what is sent to it (RFC 6347 §4.2.1).
    var cookie: [UInt8] = []

    /// Octets of IP and UDP headers that OpenSSL is to leave room for below the link MTU.
    private static let overhead = 48

    nonisolated(unsafe) private static let method: OpaquePointer? = {
        guard let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams") else {
            return nil
        }
        unsafe BIO_meth_set_create(method) { bio in
            unsafe BIO_set_init(bio, 1)
            return 1
        }
        unsafe BIO_meth_set_destroy(method) { bio in
            if let data = unsafe BIO_get_data(bio) {
                unsafe Unmanaged<DatagramBIO>.fromOpaque(data).release()
                unsafe BIO_set_data(bio, nil)
            }
            return 1
        }
        unsafe BIO_meth_set_read(method) { bio, buffer, capacity in
            unsafe DatagramBIO.read(bio, buffer, capacity)
        }
        unsafe BIO_meth_set_write(method) { bio, buffer, count in
            unsafe DatagramBIO.write(bio, buffer, count)
        }
        unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in
            switch command {
            case BIO_CTRL_FLUSH, BIO_CTRL_PUSH, BIO_CTRL_POP: return 1
            case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return DatagramBIO.overhead
            default: return 0
            }
        }
        return unsafe method
    }()

    /// - Returns: A BIO that holds a reference to `self` until it is freed; `nil` without memory.
    func makeBIO() -> OpaquePointer? {
        guard let method = unsafe Self.method, let bio = unsafe BIO_new(method) else { return nil }
        unsafe BIO_set_data(bio, Unmanaged.passRetained(self).toOpaque())
        return unsafe bio
    }

    static func from(_ bio: OpaquePointer?) -> DatagramBIO? {
        guard let data = unsafe BIO_get_data(bio) else { return nil }
        return unsafe Unmanaged<DatagramBIO>.fromOpaque(data).takeUnretainedValue()
    }

    private static func read(
        _ bio: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int32
    ) -> Int32 {
        guard let queue = unsafe from(bio), let buffer = unsafe buffer, capacity > 0 else { return -1 }
        unsafe COpenSSL_BIO_clearRetryFlags(bio)
        guard !queue.inbound.isEmpty else {
            unsafe COpenSSL_BIO_setFlagsRetryRead(bio)
            return -1
        }
        // The rest of a datagram that does not fit is lost, as with a socket.
        let count = min(Int(capacity), queue.inbound.count)
        unsafe queue.inbound.withUnsafeBytes { bytes in
            unsafe UnsafeMutableRawPointer(buffer).copyMemory(
                from: bytes.baseAddress ?? UnsafeRawPointer(buffer), byteCount: count)
        }
        queue.inbound.removeAll(keepingCapacity: true)
        return Int32(count)
    }

    private static func write(
        _ bio: OpaquePointer?, _ buffer: UnsafePointer<CChar>?, _ count: Int32
    ) -> Int32 {
        guard let queue = unsafe from(bio), let buffer = unsafe buffer, count > 0 else { return -1 }
        unsafe COpenSSL_BIO_clearRetryFlags(bio)
        unsafe queue.outbound.append(Array(UnsafeRawBufferPointer(start: buffer, count: Int(count))))
        return count
    }
}
