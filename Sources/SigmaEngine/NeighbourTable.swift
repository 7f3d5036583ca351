internal import SigmaCore
internal import SigmaWire

/// Which other shard the session of a path is on.
///
/// The kernel spreads paths over the sockets by their hash, not by their session, so datagrams for another shard
/// are ordinary. Their way is learnt from the owner, which answers each authenticated check that was passed on to
/// it with a claim, and forgotten when claims have stopped.
struct NeighbourTable {
    private var entries: [Path: Entry] = [:]
    private let limit: Int
    private var nextSweep = Instant.zero

    private struct Entry {
        var shard: Int
        var claimed: Instant
    }

    /// Longer than a session lives without a check (RFC 7675 §5.1).
    private static let lifetime = Interval.seconds(40)
    private static let sweepInterval = Interval.seconds(10)

    /// - Parameter limit: Paths at most.
    init(limit: Int) { self.limit = limit }

    var count: Int { entries.count }

    func shard(for path: Path) -> Int? { entries.isEmpty ? nil : entries[path]?.shard }

    mutating func claim(_ path: Path, for shard: Int, at now: Instant) {
        sweep(at: now)
        if let entry = entries[path] {
            if entry.shard != shard, now - entry.claimed < Engine.claimPatience { return }
        } else if entries.count >= limit {
            return
        }
        entries[path] = Entry(shard: shard, claimed: now)
    }

    private mutating func sweep(at now: Instant) {
        guard now >= nextSweep else { return }
        nextSweep = now + Self.sweepInterval
        entries = entries.filter { now - $0.value.claimed < Self.lifetime }
    }
}
