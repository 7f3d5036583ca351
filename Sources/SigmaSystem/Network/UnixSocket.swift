internal import CSigmaSystem

/// A `sockaddr_un`.
struct UnixAddress {
    private var storage = sockaddr_un()
    private let length: socklen_t

    /// `nil` when the path is longer than the 107 octets there is room for.
    init?(path: [UInt8]) {
        guard path.count < MemoryLayout.size(ofValue: storage.sun_path) else { return nil }
        storage.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &storage.sun_path) { $0.copyBytes(from: path) }
        length = socklen_t(MemoryLayout<sa_family_t>.size + path.count + (path.first == 0 ? 0 : 1))
    }

    func withSockaddr<R>(_ body: (UnsafeRawPointer, socklen_t) -> R) -> R {
        withUnsafePointer(to: storage) { body(UnsafeRawPointer($0), length) }
    }
}

extension Descriptor {
    /// The user id that the other end of a Unix socket connected with (SO_PEERCRED); `nil` for other sockets.
    package var peerUserID: UInt32? {
        var credentials = ucred()
        var length = socklen_t(MemoryLayout<ucred>.size)
        let result = getsockopt(number, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
        return result == 0 ? credentials.uid : nil
    }
}

/// A listening stream socket in the file system.
package struct UnixListener: ~Copyable {
    private let descriptor: Descriptor

    package var number: Int32 { descriptor.number }

    /// Takes over a listener that the service manager opened.
    package init(inherited descriptor: consuming Descriptor) {
        _ = CSigma_fcntl_int(descriptor.number, F_SETFL, O_NONBLOCK)
        self.descriptor = descriptor
    }

    /// Binds `path`, in place of a socket that a dead process left there.
    ///
    /// - Parameter mode: The permissions that authenticate, such as 0o660.
    /// - Throws: ``SystemError``; `EADDRINUSE` when a live process listens on `path`.
    package init(path: String, mode: UInt32) throws(SystemError) {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = try Descriptor.checked(socket(AF_UNIX, type, 0), "socket")
        guard let address = UnixAddress(path: Array(path.utf8)) else {
            throw SystemError(call: "bind", code: ENAMETOOLONG)
        }
        let isAlive = address.withSockaddr { CSigma_connect(descriptor.number, $0, $1) == 0 }
        if isAlive { throw SystemError(call: "bind", code: EADDRINUSE) }
        let fresh = try Descriptor.checked(socket(AF_UNIX, type, 0), "socket")
        unlink(path)
        let previousMask = umask(~mode & 0o777)
        let bound = address.withSockaddr { CSigma_bind(fresh.number, $0, $1) }
        let code = errno
        umask(previousMask)
        guard bound == 0 else { throw SystemError(call: "bind", code: code) }
        guard listen(fresh.number, 64) == 0 else { throw .last("listen") }
        self.descriptor = fresh
    }

    /// - Returns: A connection, non-blocking; `nil` when none waits.
    package func accept() -> Descriptor? {
        let number = CSigma_accept(descriptor.number)
        return number >= 0 ? Descriptor(owning: number) : nil
    }
}
