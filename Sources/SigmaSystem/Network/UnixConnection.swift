internal import CSigmaSystem

/// The client's end of a stream socket in the file system; it blocks, but not for ever.
package struct UnixConnection: ~Copyable {
    private let descriptor: Descriptor

    /// Connects to whoever listens on `path`.
    ///
    /// - Parameter patience: Seconds after which a read or write gives up.
    /// - Throws: ``SystemError``; `ENOENT` or `ECONNREFUSED` when nobody listens.
    package init(path: String, patience: Int) throws(SystemError) {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = try Descriptor.checked(socket(AF_UNIX, type, 0), "socket")
        let number = descriptor.number
        guard let address = UnixAddress(path: Array(path.utf8)) else {
            throw SystemError(call: "connect", code: ENAMETOOLONG)
        }
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            var time = timeval(tv_sec: patience, tv_usec: 0)
            let size = socklen_t(MemoryLayout<timeval>.size)
            guard setsockopt(number, SOL_SOCKET, option, &time, size) == 0 else { throw .last("setsockopt") }
        }
        guard address.withSockaddr({ CSigma_connect(number, $0, $1) }) == 0 else { throw .last("connect") }
        self.descriptor = descriptor
    }

    /// Writes all of it.
    ///
    /// - Throws: ``SystemError``; `ETIMEDOUT` when the other side does not read.
    package borrowing func write(_ octets: [UInt8]) throws(SystemError) {
        var rest = octets[...]
        while !rest.isEmpty {
            guard case .octets(let count) = try descriptor.write(rest) else {
                if errno == EINTR { continue }
                throw SystemError(call: "send", code: ETIMEDOUT)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Waits for something to read.
    ///
    /// - Returns: How many octets it was; 0 when the other side has closed.
    /// - Throws: ``SystemError``; `ETIMEDOUT` when the other side says nothing.
    package borrowing func read(into buffer: inout [UInt8]) throws(SystemError) -> Int {
        while true {
            switch try descriptor.read(into: &buffer) {
            case .octets(let count): return count
            case .end: return 0
            case .wouldBlock:
                if errno != EINTR { throw SystemError(call: "read", code: ETIMEDOUT) }
            }
        }
    }
}
