internal import COpenSSL

/// What one `SSL` reads from and writes to: whole datagrams, one per call (RFC 6347 §4.1.1).
final class DatagramQueue {
    private var received: [[UInt8]] = []
    private(set) var sent: [[UInt8]] = []

    func receive(_ datagram: [UInt8]) { received.append(datagram) }

    func takeSent() -> [[UInt8]] {
        defer { sent = [] }
        return sent
    }

    /// A `BIO` that refers to `self` and does not keep it alive; the owner frees the `SSL` first.
    func makeBIO() -> OpaquePointer? {
        guard let method = unsafe Self.method, let bio = unsafe BIO_new(method) else { return nil }
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        return unsafe bio
    }

    nonisolated(unsafe) private static let method: OpaquePointer? = {
        let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sigma peer")
        unsafe BIO_meth_set_create(method) { bio in
            unsafe BIO_set_init(bio, 1)
            return 1
        }
        unsafe BIO_meth_set_read(method) { bio, target, capacity in
            unsafe COpenSSL_BIO_clearRetryFlags(bio)
            guard let queue = unsafe DatagramQueue.behind(bio), let target = unsafe target else { return -1 }
            guard !queue.received.isEmpty else {
                unsafe COpenSSL_BIO_setFlagsRetryRead(bio)
                return -1
            }
            let datagram = queue.received.removeFirst().prefix(Int(max(0, capacity)))
            for (offset, octet) in datagram.enumerated() {
                unsafe target[offset] = CChar(bitPattern: octet)
            }
            return Int32(datagram.count)
        }
        unsafe BIO_meth_set_write(method) { bio, source, count in
            unsafe COpenSSL_BIO_clearRetryFlags(bio)
            guard let queue = unsafe DatagramQueue.behind(bio), let source = unsafe source else { return -1 }
            let octets = unsafe UnsafeRawBufferPointer(start: source, count: Int(max(0, count)))
            unsafe queue.sent.append(Array(octets))
            return count
        }
        unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in
            switch command {
            case BIO_CTRL_FLUSH, BIO_CTRL_PUSH, BIO_CTRL_POP: 1
            // Octets of IPv6 and UDP headers.
            case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: 48
            default: 0
            }
        }
        return unsafe method
    }()

    private static func behind(_ bio: OpaquePointer?) -> DatagramQueue? {
        guard let data = unsafe BIO_get_data(bio) else { return nil }
        return unsafe Unmanaged<DatagramQueue>.fromOpaque(data).takeUnretainedValue()
    }
}
