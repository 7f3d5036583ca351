internal import Glibc
internal import SigmaImpairment
internal import SigmaSystem
internal import SigmaWire

/// Why it cannot run, as a line for the operator.
package struct NetsimFailure: Error {
    package let line: String
}

/// The sockets around an ``ImpairedRelay``: moves octets, decides nothing.
package final class NetsimProxy {
    /// The server sees each client by a socket of its own.
    private final class Client {
        let socket: ClientSocket
        /// Between it and us.
        let path: Path

        init(path: Path, server: Address) throws(SystemError) {
            socket = try ClientSocket(hasArrivalTimes: false)
            self.path = path
            try socket.connect(to: server)
        }
    }

    private let server: Address
    private var relay: ImpairedRelay
    private var front: UDPSocket
    private var poll: EventPoll
    private let timer: MonotonicTimer
    private let signals: TerminationSignals
    private let input = Descriptor(owning: STDIN_FILENO)
    private var reader = SegmentReader()
    private var batch = DatagramBatch(capacity: 256)
    private var clients: [Client] = []
    /// By the client's address, and by the descriptor of its socket.
    private var indices: [Address: Int] = [:]
    private var indicesByDescriptor: [Int32: Int] = [:]
    private var unread: [UInt8] = []
    private var isOver = false

    private static let clientLimit = 1000

    package init(_ options: NetsimOptions) throws(NetsimFailure) {
        do throws(SystemError) {
            signals = try TerminationSignals()
            timer = try MonotonicTimer()
            poll = try EventPoll()
            front = try UDPSocket(binding: options.listen)
            try poll.add(front.number)
            try poll.add(timer.number)
            try poll.add(signals.number)
        } catch {
            throw NetsimFailure(line: "--listen \(options.listen): \(error); choose another port, or none")
        }
        // A file and /dev/null cannot be waited for, and say nothing while we run.
        try? poll.add(input.number)
        server = options.server
        relay = ImpairedRelay(seed: options.seed)
        for order in options.orders { _ = obey(order) }
    }

    /// Relays until it is told to end.
    package func run() throws(NetsimFailure) {
        Self.say("\(front.localAddress)")
        do throws(SystemError) {
            while !isOver {
                for ready in try poll.wait(milliseconds: -1) { try take(from: ready.descriptor) }
                deliver()
                timer.set(to: relay.deadline)
            }
        } catch {
            throw NetsimFailure(line: "\(error)")
        }
        Self.say(relay.report)
    }

    private func take(from descriptor: Int32) throws(SystemError) {
        switch descriptor {
        case front.number: try receiveFromClients()
        case signals.number: isOver = true
        case input.number: try readOrders()
        case timer.number: break
        default:
            if let index = indicesByDescriptor[descriptor] { try receiveFromServer(for: index) }
        }
    }

    // MARK: - Datagrams

    private func receiveFromClients() throws(SystemError) {
        let count = try front.receive()
        let now = SystemClock.monotonic()
        for index in 0..<count {
            front.withDatagram(index) { span, length, path, _ in
                guard let client = client(of: path) else { return }
                let octets = span.withUnsafeBytes { Array($0.prefix(length)) }
                relay.take(octets, of: client, .up, at: now)
            }
        }
    }

    /// - Returns: `nil` when there are too many.
    private func client(of path: Path) -> Int? {
        if let known = indices[path.remote] { return known }
        guard clients.count < Self.clientLimit else { return nil }
        do throws(SystemError) {
            let client = try Client(path: path, server: server)
            try poll.add(client.socket.number)
            clients.append(client)
            let index = relay.addClient()
            indices[path.remote] = index
            indicesByDescriptor[client.socket.number] = index
            return index
        } catch {
            Log.write(.warning, "sigma-netsim: \(path.remote): \(error)")
            return nil
        }
    }

    private func receiveFromServer(for client: Int) throws(SystemError) {
        let count = try reader.receive(from: clients[client].socket.number)
        let now = SystemClock.monotonic()
        for index in 0..<count {
            reader.withDatagram(index) { span, length, _, _ in
                span.withUnsafeBytes { octets in
                    for begin in stride(from: 0, to: octets.count, by: length) {
                        let datagram = Array(octets[begin..<min(begin + length, octets.count)])
                        relay.take(datagram, of: client, .down, at: now)
                    }
                }
            }
        }
    }

    private func deliver() {
        let now = SystemClock.monotonic()
        while let delivery = relay.next(at: now) {
            let client = clients[delivery.client]
            switch delivery.direction {
            case .up: _ = client.socket.send(delivery.octets, to: server)
            case .down:
                if batch.isFull { flush() }
                _ = batch.append(delivery.octets, on: client.path)
            }
        }
        flush()
    }

    private func flush() {
        guard batch.count > 0 else { return }
        front.send(batch)
        batch.removeAll()
    }

    // MARK: - Orders

    private func readOrders() throws(SystemError) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        switch try input.read(into: &buffer) {
        case .wouldBlock: return
        case .end: isOver = true
        case .octets(let count): unread += buffer[0..<count]
        }
        while let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
            let line = String(decoding: unread[..<end], as: UTF8.self)
            unread.removeSubrange(...end)
            do throws(Order.Mistake) {
                Self.say(obey(try Order(parsing: line)))
            } catch {
                Self.say(error.line)
            }
        }
    }

    /// - Returns: The answer.
    private func obey(_ order: Order) -> String {
        switch order {
        case .counts: return relay.report
        case .change(let change, let directions):
            let now = SystemClock.monotonic()
            for direction in directions { relay.apply(change, to: direction, at: now) }
            return "ok"
        }
    }

    /// A line that is out when this returns.
    private static func say(_ line: String) {
        let octets = Array("\(line)\n".utf8)
        _ = write(STDOUT_FILENO, octets, octets.count)
    }
}
