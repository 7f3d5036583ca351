import Foundation
import Glibc
import SigmaControl
import SwiftProtobuf

/// A real `sigma-media` in a folder of its own, ended with the value.
final class MediaProcess {
    /// Shared by processes that follow each other; removed with the last.
    final class Folder {
        let url: URL
        fileprivate init(_ url: URL) { self.url = url }
        deinit { try? FileManager.default.removeItem(at: url) }
    }

    let folder: Folder
    let port: UInt16
    private let process = Process()
    private let output = Pipe()

    var processID: pid_t { process.processIdentifier }
    var socketPath: String { folder.url.appendingPathComponent("run/control.sock").path }

    /// Starts the program and waits until its socket accepts.
    init(_ extra: [String: String] = [:], folder: Folder? = nil, waits: Bool = true) throws {
        self.folder = try folder ?? Folder(Self.makeFolder())
        port = try Self.freePort()
        process.executableURL = Self.executable
        process.environment = [
            "UDP_ADDRESS": "::1", "UDP_PORT": String(port), "CERTS_DIR": self.folder.url.path,
            "SIGMA_RUNTIME_DIR": self.folder.url.appendingPathComponent("run").path,
        ].merging(extra) { $1 }
        process.standardError = output
        try process.run()
        guard waits else { return }
        let end = Date(timeIntervalSinceNow: 5)
        while process.isRunning, !ControlSocket.canConnect(to: socketPath), Date() < end { usleep(5_000) }
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    static let executable = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("sigma-media")

    /// A folder with a key, a certificate and room for the socket.
    static func makeFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "sigma-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("run"), withIntermediateDirectories: true)
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        openssl.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=test",
            "-days", "2", "-keyout", folder.appendingPathComponent("key.pem").path, "-out",
            folder.appendingPathComponent("cert.pem").path,
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        return folder
    }

    private static func freePort() throws -> UInt16 {
        let number = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(number) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr = in6addr_loopback
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                guard bind(number, name, length) == 0, getsockname(number, name, &length) == 0 else {
                    throw POSIXError(.EADDRINUSE)
                }
            }
        }
        return UInt16(bigEndian: address.sin6_port)
    }

    /// Seconds of processor time that it has used.
    var processorTime: Double {
        let line =
            (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)) ?? ""
        // utime and stime, counted behind the name, which may hold spaces.
        let fields = (line.split(separator: ")").last ?? "").split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
            return 0
        }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Sends `signal` and waits for the end.
    func end(with signal: Int32) -> Int32 {
        kill(process.processIdentifier, signal)
        return waitForEnd().status
    }

    /// Waits for the end; what it wrote to standard error.
    func waitForEnd() -> (status: Int32, output: String) {
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }
}

/// One blocking connection to the control socket; reads give up after 5 s.
final class ControlSocket {
    private let number: Int32
    private var decoder = FrameDecoder()
    private var nextRequest: UInt64 = 1

    struct Closed: Error {}

    /// Kept alive, and its process with it, as long as the connection.
    private let media: MediaProcess?

    init(_ media: MediaProcess) throws {
        self.media = media
        number = try Self.connected(to: media.socketPath)
    }

    /// Whether somebody listens on `path`.
    static func canConnect(to path: String) -> Bool {
        guard let number = try? connected(to: path) else { return false }
        close(number)
        return true
    }

    private static func connected(to path: String) throws -> Int32 {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(number, $0, size) }
        }
        guard result == 0 else {
            close(number)
            throw Closed()
        }
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        return number
    }

    deinit { close(number) }

    func send(octets: [UInt8]) { _ = Glibc.send(number, octets, octets.count, Int32(MSG_NOSIGNAL)) }

    func send(_ message: ClientMessage) throws {
        send(octets: try ControlFrame.encode(try message.serializedBytes()))
    }

    /// The next message.
    ///
    /// - Throws: ``Closed`` when the other side has closed, or says nothing for 5 s.
    func receive() throws -> MediaMessage {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            if let payload = try decoder.next() { return try MediaMessage(serializedBytes: payload) }
            let count = recv(number, &buffer, buffer.count, 0)
            // A child of another test has ended.
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Closed() }
            decoder.append(buffer[0..<count])
        }
    }

    /// Whether the other side closes within 5 s, without reading what it has sent.
    func isHungUp() -> Bool {
        var descriptor = pollfd(fd: number, events: 0, revents: 0)
        let end = ContinuousClock.now + .seconds(5)
        while ContinuousClock.now < end {
            // A child of another test may interrupt it.
            if poll(&descriptor, 1, 1_000) > 0 { return descriptor.revents & Int16(POLLHUP) != 0 }
        }
        return false
    }

    /// Whether the other side closes.
    func isClosedByPeer() -> Bool {
        do {
            while true { _ = try receive() }
        } catch {
            return error is Closed && errno != EAGAIN
        }
    }

    /// Sends one request and returns its answer; events in between are left out.
    func request(_ fill: (inout ClientMessage) -> Void) throws -> MediaMessage {
        var message = ClientMessage()
        message.requestID = nextRequest
        nextRequest += 1
        fill(&message)
        try send(message)
        while true {
            let answer = try receive()
            if answer.requestID == message.requestID { return answer }
        }
    }

    /// Says hello.
    @discardableResult
    func greet(from position: EventPosition? = nil, recorder: Bool = false) throws -> MediaHello {
        try request {
            $0.hello.protocolVersion = 1
            $0.hello.program = "test"
            $0.hello.recorder = recorder
            if let position { $0.hello.eventsFrom = position }
        }.hello
    }

    func snapshot() throws -> [SessionItem] {
        var message = ClientMessage()
        message.requestID = nextRequest
        nextRequest += 1
        message.snapshot = SnapshotRequest()
        try send(message)
        var items: [SessionItem] = []
        while true {
            switch try receive().body {
            case .sessionPage(let page): items += page.sessions
            case .streamEnd: return items
            default: break
            }
        }
    }

    /// The next `count` events.
    func events(_ count: Int) throws -> [Event] {
        var events: [Event] = []
        while events.count < count {
            if case .event(let event)? = try receive().body { events.append(event) }
        }
        return events
    }
}
