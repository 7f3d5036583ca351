internal import SigmaCore

/// The last keyframe of a track whose ring has not all since, for joiners to look at until the next one.
final class Still {
    let ring: PacketRing
    let stream: UInt32
    /// The serial of the packet that completes the entry point.
    let entry: UInt64

    /// More than so many packets are no picture.
    private static let limit = 1024

    /// Copies the packets of the keyframe, and of the parameter sets before it.
    ///
    /// - Parameters:
    ///   - start: The serial in `source` where the entry point begins.
    ///   - entry: The serial there of the packet that completes it.
    init?(of source: borrowing PacketRing, from start: UInt64, entry: UInt64) {
        let window = unsafe source.window
        guard window.contains(start), window.contains(entry) else { return nil }
        let (stream, picture) = (window[entry].stream, window[entry].timestamp)
        let serials = (start..<window.end).filter {
            window[$0].stream == stream && Int32(bitPattern: window[$0].timestamp &- picture) <= 0
        }
        guard serials.count <= Self.limit, let place = serials.firstIndex(of: entry) else { return nil }
        var capacity = 1
        while capacity < serials.count { capacity *= 2 }
        var ring = PacketRing(capacity: capacity)
        for serial in serials { _ = ring.append(window[serial], window.octets(serial)) }
        self.ring = ring
        self.stream = stream
        self.entry = UInt64(place)
    }
}

/// A viewer that is to be shown the still of a track.
struct StillJob: BitwiseCopyable {
    var handle: SessionHandle
    /// Of the viewer's egresses.
    var place: Int
    var hasBegun = false
}
