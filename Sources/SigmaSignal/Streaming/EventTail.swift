package import NIOCore

/// The newest events, encoded once for all who read them.
///
/// Bounded by number and by octets; who is behind its beginning reads the log.
package struct EventTail: Sendable {
    private struct Entry: Sendable {
        let kind: String
        let octets: ByteBuffer
    }

    /// What a client is sent in one piece.
    package struct Chunk: Sendable, Equatable {
        /// Empty where its client may hear none of the events.
        package let octets: ByteBuffer
        /// The number of the last event in it, heard or not.
        package let through: Int64
    }

    /// The number of the last event.
    package private(set) var newest: Int64
    private var entries = CircularBuffer<Entry>()
    private var length = 0
    private let maximumCount: Int
    private let maximumLength: Int
    /// What was asked for last: the many who have kept up all ask for the same.
    private var latest: (after: Int64, audience: EventAudience, chunk: Chunk)?

    /// Of a chunk, in octets; one event may be longer.
    private static let chunkLength = 64 * 1024

    /// - Parameters:
    ///   - newest: The number of the last event of the log, 0 for an empty one.
    ///   - maximumCount: Events to keep.
    ///   - maximumLength: Octets to keep.
    package init(newest: Int64, maximumCount: Int = 4096, maximumLength: Int = 2 * 1024 * 1024) {
        self.newest = newest
        self.maximumCount = max(1, maximumCount)
        self.maximumLength = maximumLength
    }

    /// The number of the first event here; one more than ``newest`` where there is none.
    package var first: Int64 { newest - Int64(entries.count) + 1 }

    /// Takes the event that follows; one that is known already changes nothing, one behind a gap begins anew.
    package mutating func append(_ event: LoggedEvent) {
        guard event.sequence > newest else { return }
        if event.sequence != newest + 1 {
            entries.removeAll()
            length = 0
        }
        let octets = EventStream.event(id: event.sequence, kind: event.kind, data: event.body)
        entries.append(Entry(kind: event.kind, octets: octets))
        length += octets.readableBytes
        newest = event.sequence
        latest = nil
        while entries.count > maximumCount || (length > maximumLength && entries.count > 1) {
            length -= entries.removeFirst().octets.readableBytes
        }
    }

    /// What follows a number.
    ///
    /// - Returns: `nil` where nothing follows, or what follows is not here any more.
    package mutating func chunk(after sequence: Int64, for audience: EventAudience) -> Chunk? {
        if let latest, latest.after == sequence, latest.audience == audience { return latest.chunk }
        guard sequence < newest, sequence + 1 >= first else { return nil }
        let chunk = made(from: Int(sequence + 1 - first), for: audience)
        latest = (sequence, audience, chunk)
        return chunk
    }

    private func made(from offset: Int, for audience: EventAudience) -> Chunk {
        var octets = ByteBuffer()
        var through = first + Int64(offset) - 1
        for entry in entries.dropFirst(offset) {
            if audience.hears(entry.kind) {
                let sum = octets.readableBytes + entry.octets.readableBytes
                if octets.readableBytes > 0, sum > Self.chunkLength { break }
                // The only one is shared as it is.
                if octets.readableBytes == 0 {
                    octets = entry.octets
                } else {
                    octets.writeImmutableBuffer(entry.octets)
                }
            }
            through += 1
        }
        return Chunk(octets: octets, through: through)
    }
}
