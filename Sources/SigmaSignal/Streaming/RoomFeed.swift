import NIOCore
import Synchronization

/// The list of rooms as SigmaPlayer reads it: unnamed events, each the whole list, after every change and every 5 s.
package final class RoomFeed: Sendable {
    fileprivate struct Board: Sendable {
        var version: UInt64 = 0
        var document = ByteBuffer(string: #"{"rooms":[]}"#)
        /// The document as an event.
        var event: ByteBuffer

        init() { event = EventStream.message(document) }
    }

    private let board = Mutex(Board())
    let hubs: StreamHubs
    private let (changes, continuation) = AsyncStream.makeStream(
        of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// Less than the 5 s that are promised, for a loop that is busy.
    private static let times = StreamTimes(
        sign: .milliseconds(4500), rest: .milliseconds(10), patience: .seconds(60))
    /// Between two lists, while rooms change all the time.
    private static let rest: Duration = .milliseconds(50)
    /// Between two encodings of the same list: not all that happens to rooms shows in it.
    private static let shortRest: Duration = .milliseconds(10)

    init() {
        hubs = StreamHubs(times: Self.times)
        continuation.yield()
    }

    /// The list may be another one now.
    func changed() { continuation.yield() }

    /// Encodes the list whenever it has changed, and tells the clients if that made a difference.
    ///
    /// - Parameter document: The list.
    func run(_ document: @Sendable () async -> ByteBuffer) async {
        for await _ in changes {
            let isNew = publish(await document())
            try? await Task.sleep(for: isNew ? Self.rest : Self.shortRest)
        }
    }

    /// - Returns: Whether it is another list than the last one.
    private func publish(_ document: ByteBuffer) -> Bool {
        let isNew = board.withLock { board in
            guard board.document != document else { return false }
            board.version += 1
            board.document = document
            board.event = EventStream.message(document)
            return true
        }
        if isNew { hubs.wake() }
        return isNew
    }

    /// The list, if it is not the one of that version.
    fileprivate func event(unless version: UInt64?) -> (event: ByteBuffer, version: UInt64)? {
        board.withLock { $0.version == version ? nil : ($0.event, $0.version) }
    }
}

/// What a client of ``RoomFeed`` has seen.
final class RoomReader: StreamSource {
    var ready: ((Bool) -> Void)?
    private let feed: RoomFeed
    private var version: UInt64?

    init(_ feed: RoomFeed) { self.feed = feed }

    func next() -> ByteBuffer? {
        guard let (event, version) = feed.event(unless: version) else { return nil }
        self.version = version
        return event
    }

    func sign() -> ByteBuffer {
        guard let (event, version) = feed.event(unless: nil) else { return EventStream.ping }
        self.version = version
        return event
    }
}
