internal import CSigmaSystem

/// Of the last call; Glibc's own module cannot be imported beside ours, whose headers are GNU's.
var errno: Int32 { CSigma_errno() }

/// A failed system call: its name and errno.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    package let call: String
    package let code: Int32

    package init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    /// With the errno that the call has just set.
    static func last(_ call: String) -> SystemError { SystemError(call: call, code: errno) }

    package var description: String { "\(call): \(String(cString: strerror(code)))" }

    package var isAddressInUse: Bool { code == EADDRINUSE }
    package var isPermissionDenied: Bool { code == EACCES || code == EPERM }
    package var isMissing: Bool { code == ENOENT }
    package var isTaken: Bool { code == EEXIST }
}

/// The only owner of one file descriptor; closes it.
package struct Descriptor: ~Copyable, Sendable {
    package let number: Int32

    /// Takes over `number`, which nobody else may close.
    package init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    /// - Throws: ``SystemError`` when `result` is negative.
    static func checked(_ result: Int32, _ call: String) throws(SystemError) -> Descriptor {
        guard result >= 0 else { throw .last(call) }
        return Descriptor(owning: result)
    }

    package enum Transfer: Equatable, Sendable {
        case octets(Int)
        /// The other side has closed.
        case end
        /// Nothing now; ask the poll.
        case wouldBlock
    }

    package borrowing func read(into buffer: inout [UInt8]) throws(SystemError) -> Transfer {
        let count = CSigmaSystem.read(number, &buffer, buffer.count)
        if count > 0 { return .octets(count) }
        if count == 0 { return .end }
        if errno == EAGAIN || errno == EINTR { return .wouldBlock }
        throw .last("read")
    }

    package borrowing func write(_ octets: ArraySlice<UInt8>) throws(SystemError) -> Transfer {
        let count = octets.withUnsafeBytes { send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count >= 0 { return .octets(count) }
        if errno == EAGAIN || errno == EINTR { return .wouldBlock }
        throw .last("send")
    }
}
