internal import SigmaCore
internal import SigmaEngine
internal import SigmaSystem
internal import SigmaWire

/// The rings between each two shards, and their bells.
///
/// What finds its ring full is dropped and counted: it is media, or comes again. Datagrams that are passed on have rings
/// of their own, since any stranger can have one passed on: a flood of them takes no room from a room's media.
final class NeighbourPost: Sendable {
    private let shardCount: Int
    // From shard `from` to shard `to`: place `from * shardCount + to`.
    private let datagrams: [MessageRing]
    private let messages: [MessageRing]
    let bells: [Bell]

    /// Octets of a ring: a second of 8 Mbit/s.
    private static let capacity = 1 << 20
    /// From a shard to itself nothing goes.
    private static let least = 4096

    init(shards: Int) throws(SystemError) {
        shardCount = shards
        func makeRings() -> [MessageRing] {
            (0..<shards * shards).map { place in
                MessageRing(capacity: place / shards == place % shards ? Self.least : Self.capacity)
            }
        }
        datagrams = makeRings()
        messages = makeRings()
        var bells: [Bell] = []
        for _ in 0..<shards { bells.append(try Bell()) }
        self.bells = bells
    }

    /// - Parameter octets: Behind the header; `nil` for none.
    /// - Returns: `false` when the ring was full.
    func send<Header: BitwiseCopyable>(
        _ kind: NeighbourMessage, _ header: Header, _ octets: RawSpan? = nil, from: Int, to: Int
    ) -> Bool {
        let envelope = Envelope(kind: kind.rawValue, header: header)
        return withUnsafeBytes(of: envelope) { bytes in
            let span = RawSpan(_unsafeBytes: bytes)
            let ring = (kind == .datagram ? datagrams : messages)[from * shardCount + to]
            if let octets { return ring.append(span, octets) }
            return ring.append(span, span.extracting(0..<0))
        }
    }

    func isEmpty(from: Int, to: Int) -> Bool {
        messages[from * shardCount + to].isEmpty && datagrams[from * shardCount + to].isEmpty
    }

    /// Takes one message for `to` from `from`, lending header and octets to `body`; datagrams come last.
    ///
    /// - Returns: `false` when there is none.
    func take(from: Int, to: Int, _ body: (RawSpan, inout MutableRawSpan) -> Void) -> Bool {
        messages[from * shardCount + to].take(body) || datagrams[from * shardCount + to].take(body)
    }
}

enum NeighbourMessage: UInt64 {
    /// ``PassedDatagram`` and its octets.
    case datagram = 1
    /// A path that is the sender's now.
    case claim
    /// ``RelayedPacket`` and its octets.
    case packet
    /// The number of a publication that somebody wants a keyframe of.
    case keyframeWish
}

/// A datagram that came in at another shard's socket.
struct PassedDatagram: BitwiseCopyable {
    var path: Path
    var arrival: Instant
}

/// Before each message; all of one process, so that no layout has to be agreed upon.
struct Envelope<Header: BitwiseCopyable>: BitwiseCopyable {
    var kind: UInt64
    var header: Header
}

extension RawSpan {
    /// The raw value of a ``NeighbourMessage``.
    var neighbourKind: UInt64 { unsafeLoadUnaligned(as: UInt64.self) }

    /// The header of a message that this process wrote.
    func neighbourHeader<Header: BitwiseCopyable>(_: Header.Type) -> Header {
        unsafeLoadUnaligned(as: Envelope<Header>.self).header
    }
}

/// What one shard has for the others, and whom it has yet to wake.
struct NeighbourOutbox {
    private let shard: Int
    private let post: NeighbourPost
    private var waiting: [Bool]
    /// Messages that found the ring full.
    private(set) var overflow: UInt64 = 0

    init(shard: Int, _ post: NeighbourPost) {
        self.shard = shard
        self.post = post
        waiting = Array(repeating: false, count: post.bells.count)
    }

    mutating func tell<Header: BitwiseCopyable>(
        _ kind: NeighbourMessage, _ header: Header, _ octets: RawSpan? = nil, to other: Int
    ) {
        if post.send(kind, header, octets, from: shard, to: other) {
            waiting[other] = true
        } else {
            overflow &+= 1
        }
    }

    /// Wakes those that have something new to take.
    mutating func ring() {
        for other in waiting.indices where waiting[other] {
            waiting[other] = false
            post.bells[other].ring()
        }
    }
}
