import SigmaPeer
import SigmaSystem
import SigmaWire

/// Joins the clients one after the other, lets them run, ends them.
final class LoadRun {
    private let options: LoadOptions
    private var publisher: LoadClient?
    private var viewers: [LoadClient] = []
    private var failures: [String] = []
    private let delays = DelayHistogram()
    private var batch = DatagramBatch(capacity: 64)

    /// A publisher has this long to connect before the viewers are let in, ns.
    private static let publisherPatience: Int64 = 10_000_000_000

    init(_ options: LoadOptions) { self.options = options }

    func run() -> LoadReport {
        do throws(SystemError) {
            var poll = try EventPoll()
            try start(&poll)
            // Only from when everybody is there: before, this program waits for answers of HTTP.
            delays.removeAll()
            if publisher != nil || !viewers.isEmpty { try run(for: Int64(options.seconds * 1e9), &poll) }
        } catch {
            failures.append("\(error)")
        }
        let report = LoadReport(
            viewers: viewers, publisher: publisher, options: options, failures: failures, delays: delays)
        for viewer in viewers { viewer.leave(token: options.token, through: &batch) }
        publisher?.leave(token: options.token, through: &batch)
        return report
    }

    private func start(_ poll: inout EventPoll) throws(SystemError) {
        if let whip = options.whip {
            publisher = try join(.publisher, at: whip, seed: 1, &poll)
            let end = SystemClock.monotonic() + Self.publisherPatience
            while let publisher, publisher.peer.state != .connected, publisher.failure == nil,
                SystemClock.monotonic() < end
            {
                try step(until: end, &poll)
            }
            // The room is there once a packet of the publisher's has come in.
            try run(for: 200_000_000, &poll)
        }
        guard let whep = options.whep else { return }
        for index in 0..<options.viewers {
            if let viewer = try join(.viewer, at: whep, seed: UInt64(index) + 2, &poll) {
                viewers.append(viewer)
            }
            try step(until: SystemClock.monotonic(), &poll)
        }
    }

    private func join(
        _ role: PeerRole, at url: HTTPURL, seed: UInt64, _ poll: inout EventPoll
    ) throws(SystemError) -> LoadClient? {
        // Two runs must not be the same peers.
        let seed = seed &+ UInt64(bitPattern: SystemClock.unix())
        do throws(LoadError) {
            let client = try LoadClient(role, at: url, options, seed: seed, delays: delays)
            do throws(SystemError) {
                try poll.add(client.descriptor)
            } catch {
                throw .failed("\(error)")
            }
            return client
        } catch {
            switch error {
            case .failed(let line): failures.append(line)
            }
            return nil
        }
    }

    private func run(for nanoseconds: Int64, _ poll: inout EventPoll) throws(SystemError) {
        let end = SystemClock.monotonic() + nanoseconds
        repeat { try step(until: end, &poll) } while SystemClock.monotonic() < end
    }

    /// Waits for a datagram or the next deadline, and lets everyone do what is due.
    private func step(until end: Int64, _ poll: inout EventPoll) throws(SystemError) {
        let clients = publisher.map { [$0] + viewers } ?? viewers
        let deadline = clients.compactMap(\.peer.deadline).min() ?? end
        let left = max(0, min(deadline, end) - SystemClock.monotonic())
        let ready = try poll.wait(milliseconds: Int32(min(1000, (left + 999_999) / 1_000_000)))
        let readable = Set(ready.filter(\.canRead).map(\.descriptor))
        for client in clients {
            if readable.contains(client.descriptor) { client.receive() }
            client.advance(to: SystemClock.monotonic(), through: &batch)
        }
    }
}
