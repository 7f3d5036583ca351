import NIOCore
import Synchronization

/// The log of events as a stream: named events with their numbers as ids, from any that is kept.
///
/// Whoever writes the log appends here what has become durable; clients who are behind read the log.
package final class EventFeed: Sendable {
    private struct State: Sendable {
        /// `nil` until it is known where the log ends.
        var tail: EventTail?
        /// The last number that was appended before.
        var early: Int64 = 0
    }

    /// Nothing is known of the log yet.
    struct NotBegun: Error {}

    let hubs: StreamHubs
    private let state = Mutex(State())
    fileprivate let pages: PageReader

    private static let times = StreamTimes(
        sign: .seconds(10), rest: .milliseconds(50), patience: .seconds(60))

    /// - Parameter log: What clients read who are behind.
    package init(log: any EventLog) {
        pages = PageReader(log)
        hubs = StreamHubs(times: Self.times)
    }

    /// Lets clients in, who are refused before.
    ///
    /// - Parameters:
    ///   - newest: The number of the last event that is durable, 0 for none.
    ///   - recent: The last events up to that one, so that not all who come back after a restart read the log.
    package func begin(newest: Int64, recent: [LoggedEvent] = []) {
        var tail = EventTail(newest: recent.first.map { $0.sequence - 1 } ?? newest)
        for event in recent { tail.append(event) }
        state.withLock { [tail] state in
            // What became durable meanwhile is in the log.
            let known = max(state.early, state.tail?.newest ?? 0)
            state.tail = known > tail.newest ? EventTail(newest: known) : tail
        }
    }

    /// Takes events that have become durable, in order and without gaps.
    package func append(_ events: [LoggedEvent]) {
        guard let last = events.last else { return }
        state.withLock { state in
            for event in events { state.tail?.append(event) }
            if state.tail == nil { state.early = last.sequence }
        }
        hubs.wake()
    }

    /// Makes what a client is sent.
    ///
    /// - Parameter id: The last number it knows.
    /// - Throws: ``NotBegun``, and what the log throws: a client is told so before the stream begins.
    func open(
        after id: Int64?, for audience: EventAudience
    ) async throws -> @Sendable (any EventLoop) -> any StreamSource {
        guard let newest = state.withLock({ $0.tail?.newest }) else { throw NotBegun() }
        var cursor = EventCursor(after: id, newest: newest)
        let begin = cursor.position
        var page: [LoggedEvent] = []
        if case .log(let newest) = source(of: cursor) {
            page = cursor.read(try await pages.page(after: cursor.position), newest: newest)
        }
        return { [cursor, page] loop in
            EventReader(self, audience, loop, cursor, from: begin, page)
        }
    }

    fileprivate func source(of cursor: EventCursor) -> EventCursor.Source {
        state.withLock { state in
            state.tail.map { cursor.source(first: $0.first, newest: $0.newest) } ?? .nothing
        }
    }

    /// - Returns: `nil` where the tail has nothing for it any more.
    fileprivate func chunk(after sequence: Int64, for audience: EventAudience) -> EventTail.Chunk? {
        state.withLock { $0.tail?.chunk(after: sequence, for: audience) }
    }
}

/// What a client of ``EventFeed`` has been sent.
final class EventReader: StreamSource {
    var ready: ((Bool) -> Void)?
    private let feed: EventFeed
    private let audience: EventAudience
    private let loop: any EventLoop
    private var cursor: EventCursor
    /// The last number that the client knows: what it may not hear is passed over in silence.
    private var told: Int64
    private var piece: ByteBuffer?
    private var isReading = false

    init(
        _ feed: EventFeed, _ audience: EventAudience, _ loop: any EventLoop, _ cursor: EventCursor,
        from begin: Int64, _ page: [LoggedEvent]
    ) {
        self.feed = feed
        self.audience = audience
        self.loop = loop
        self.cursor = cursor
        told = begin
        var first = EventStream.retry
        // Who comes back before the first event misses nothing either.
        first.writeImmutableBuffer(EventStream.position(begin))
        if let rest = encoded(page) { first.writeImmutableBuffer(rest) }
        piece = first
    }

    func next() -> ByteBuffer? {
        if let piece {
            self.piece = nil
            return piece
        }
        while !isReading {
            switch feed.source(of: cursor) {
            case .nothing:
                return nil
            case .log(let newest):
                read(newest)
            case .tail:
                // Gone from the tail meanwhile: it is in the log then.
                guard let chunk = feed.chunk(after: cursor.position, for: audience) else { continue }
                cursor.advance(through: chunk.through)
                guard chunk.octets.readableBytes > 0 else { continue }
                told = chunk.through
                return chunk.octets
            }
        }
        return nil
    }

    func sign() -> ByteBuffer {
        guard told < cursor.position else { return EventStream.ping }
        told = cursor.position
        var sign = EventStream.ping
        sign.writeImmutableBuffer(EventStream.position(told))
        return sign
    }

    private func read(_ newest: Int64) {
        isReading = true
        let (feed, position) = (feed, cursor.position)
        let reader = NIOLoopBound(self, eventLoop: loop)
        let loop = loop
        Task(executorPreference: EventLoopExecutor(loop)) {
            let page = try? await feed.pages.page(after: position)
            loop.execute { reader.value.take(page, newest) }
        }
    }

    /// - Parameter page: `nil` where the log cannot be read: the client may try again.
    private func take(_ page: [LoggedEvent]?, _ newest: Int64) {
        isReading = false
        guard let page else {
            ready?(false)
            return
        }
        piece = encoded(cursor.read(page, newest: newest))
        ready?(true)
    }

    /// A page as it is sent, behind the reset that it may bring; `nil` for none of both.
    private func encoded(_ page: [LoggedEvent]) -> ByteBuffer? {
        var octets = ByteBuffer()
        if let oldest = cursor.takeReset() {
            octets.writeImmutableBuffer(
                EventStream.event(id: oldest - 1, kind: "reset", data: #"{"oldest":\#(oldest)}"#))
            told = oldest - 1
        }
        for event in page where audience.hears(event.kind) {
            octets.writeImmutableBuffer(
                EventStream.event(id: event.sequence, kind: event.kind, data: event.body))
            told = event.sequence
        }
        return octets.readableBytes > 0 ? octets : nil
    }
}
