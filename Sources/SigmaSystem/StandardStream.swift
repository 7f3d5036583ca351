internal import CSigmaSystem

/// The streams that a program at a prompt is given.
package enum StandardStream: Int32, Sendable {
    case input = 0
    case output = 1
    case error = 2

    /// Width of the terminal that it is, in columns; `nil` where it is none.
    package var terminalColumns: Int? {
        guard isatty(rawValue) == 1 else { return nil }
        let columns = Int(CSigma_terminalColumns(rawValue))
        // A serial line does not know.
        return columns > 0 ? columns : 80
    }

    /// Waits for the other end of a pipe or a terminal to go.
    ///
    /// - Returns: Whether it has, within so many milliseconds; a file has none.
    package func isHungUp(within milliseconds: Int) -> Bool {
        var entry = pollfd(fd: rawValue, events: 0, revents: 0)
        return poll(&entry, 1, Int32(clamping: milliseconds)) > 0
    }

    /// Writes all of it.
    package func write(_ octets: [UInt8]) throws(SystemError) {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { CSigmaSystem.write(rawValue, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("write")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// All that comes until its end.
    package func octets() throws(SystemError) -> [UInt8] {
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = CSigmaSystem.read(rawValue, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("read")
            }
            guard count > 0 else { return octets }
            octets += buffer[0..<count]
        }
    }
}
