internal import CSigmaSystem

/// Small files read whole.
package enum Files {
    /// - Throws: ``SystemError`` of `open` or `read`.
    package static func octets(of path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
        let descriptor = try Descriptor.checked(CSigma_open(path, O_RDONLY | O_CLOEXEC), "open")
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while octets.count < limit {
            guard case .octets(let count) = try descriptor.read(into: &buffer) else { break }
            octets += buffer[0..<count]
        }
        return octets
    }

    /// Looks whether the file is there and may be read.
    ///
    /// - Throws: ``SystemError`` of `access`.
    package static func checkReadable(_ path: String) throws(SystemError) {
        guard access(path, R_OK) == 0 else { throw .last("access") }
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes an empty file that only its owner may read and write.
    ///
    /// - Throws: ``SystemError``; `EEXIST` where there is one.
    package static func create(_ path: String) throws(SystemError) {
        _ = try Descriptor.checked(CSigma_create(path, 0o600), "open")
    }

    /// Gives a file another name, in place of whatever has it.
    package static func rename(_ path: String, to name: String) throws(SystemError) {
        guard CSigmaSystem.rename(path, name) == 0 else { throw .last("rename") }
    }

    package static func remove(_ path: String) { unlink(path) }
}

/// One line for the operator on standard error; systemd reads the level in front (sd-daemon(3)).
package enum Log {
    package enum Level: Int { case error = 3, warning = 4, notice = 5, info = 6 }

    package static func write(_ level: Level, _ line: String) {
        // Levels are for the journal; on a terminal they would be noise.
        let text = hasJournal ? "<\(level.rawValue)>\(line)\n" : "\(line)\n"
        let octets = Array(text.utf8)
        _ = CSigmaSystem.write(2, octets, octets.count)
    }

    private static let hasJournal: Bool = getenv("JOURNAL_STREAM") != nil
}
