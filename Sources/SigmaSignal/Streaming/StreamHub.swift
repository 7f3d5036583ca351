import NIOCore
import Synchronization

/// The clients of one stream on one event loop.
///
/// A change wakes it once, whatever the number of clients, and it visits them in slices, so that the loop has time for
/// others between.
final class StreamHub: Sendable {
    /// Used on the loop only.
    private final class Crowd {
        var clients: [StreamClient] = []
        var pace: StreamPace
        /// Clients that a round has still to visit, from the end of the list down.
        var remaining = 0
        /// Counts the signs of life.
        var tick = 0
        var ticker: Scheduled<Void>?

        init(pace: StreamPace) { self.pace = pace }
    }

    let times: StreamTimes
    private let loop: any EventLoop
    private let crowd: NIOLoopBound<Crowd>
    private let isWoken = Atomic<Bool>(false)

    private static let sliceLength = 64
    /// Enough for the loop to look at its sockets.
    private static let sliceBreak: TimeAmount = .microseconds(100)

    /// - Parameter loop: Which is to be the caller's.
    init(loop: any EventLoop, times: StreamTimes) {
        self.loop = loop
        self.times = times
        crowd = NIOLoopBound(Crowd(pace: StreamPace(rest: times.rest)), eventLoop: loop)
    }

    /// There is something new; from any thread.
    func wake() {
        guard !isWoken.exchange(true, ordering: .acquiringAndReleasing) else { return }
        loop.execute {
            self.isWoken.store(false, ordering: .releasing)
            self.follow(self.crowd.value.pace.changed(at: .now()))
        }
    }

    func join(_ client: StreamClient) {
        let crowd = crowd.value
        client.place = crowd.clients.count
        client.tick = crowd.tick
        crowd.clients.append(client)
        if crowd.ticker == nil { scheduleTick(crowd) }
    }

    func leave(_ client: StreamClient) {
        let crowd = crowd.value
        guard let place = client.place, let last = crowd.clients.popLast() else { return }
        client.place = nil
        // A round goes down the list, so that the last has been visited before it takes a place further down.
        if place < crowd.clients.count {
            crowd.clients[place] = last
            last.place = place
        }
        guard crowd.clients.isEmpty else { return }
        crowd.ticker?.cancel()
        crowd.ticker = nil
    }

    private func scheduleTick(_ crowd: Crowd) {
        crowd.ticker = loop.scheduleTask(in: times.sign) {
            let crowd = self.crowd.value
            crowd.tick += 1
            self.scheduleTick(crowd)
            self.follow(crowd.pace.changed(at: .now()))
        }
    }

    private func follow(_ step: StreamPace.Step) {
        switch step {
        case .nothing: break
        case .tell:
            let crowd = crowd.value
            crowd.remaining = crowd.clients.count
            visit()
        case .wait(let deadline):
            loop.scheduleTask(deadline: deadline) { self.follow(self.crowd.value.pace.due(at: .now())) }
        }
    }

    /// One slice.
    private func visit() {
        let crowd = crowd.value
        let now = NIODeadline.now()
        for _ in 0..<Self.sliceLength {
            // A visit may end its client, or others.
            crowd.remaining = min(crowd.remaining, crowd.clients.count)
            guard crowd.remaining > 0 else { return follow(crowd.pace.told(at: .now())) }
            crowd.remaining -= 1
            crowd.clients[crowd.remaining].visit(tick: crowd.tick, at: now)
        }
        loop.scheduleTask(in: Self.sliceBreak) { self.visit() }
    }
}

/// The hubs of one stream, one for each event loop that has clients of it.
final class StreamHubs: Sendable {
    private let times: StreamTimes
    private let hubs = Mutex<[ObjectIdentifier: StreamHub]>([:])

    init(times: StreamTimes) { self.times = times }

    func wake() {
        for hub in hubs.withLock({ Array($0.values) }) { hub.wake() }
    }

    /// - Parameter loop: Which is to be the caller's.
    func hub(on loop: any EventLoop) -> StreamHub {
        hubs.withLock { hubs in
            if let hub = hubs[ObjectIdentifier(loop)] { return hub }
            let hub = StreamHub(loop: loop, times: times)
            hubs[ObjectIdentifier(loop)] = hub
            return hub
        }
    }
}
