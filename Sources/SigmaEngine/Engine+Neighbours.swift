package import SigmaCore
package import SigmaWire

// Several shards share one port: each is an engine of its own, and these are the ways from one to another.
//
//  datagram for another's session ──▶ `misdelivered` ──▶ its `receive` ──▶ claim of the path, back
//  a room's packets ──▶ `takeRelays` ──▶ `receive(_:_:)` of the shards that mirror the room
//  a viewer there lost the picture ──▶ `takeKeyframeWishes` ──▶ `wantKeyframe(publication:)` of the publisher's

extension Engine {
    // MARK: Datagrams

    /// The shard whose session the last datagram is for, when that is not this one; it was left as it was, to be
    /// passed on.
    package mutating func takeMisdelivered() -> Int? {
        defer { misdelivered = nil }
        return misdelivered
    }

    /// Where the ufrag's slot says that the session is, if that is another shard.
    func neighbour(ofSlot number: Int) -> Int? {
        let shard = number / configuration.sessionLimit
        return shard != configuration.shard && shard < configuration.shardCount ? shard : nil
    }

    /// Whether datagrams on `path` are for a session of this shard.
    package func owns(_ path: Path) -> Bool { tuples.slot(for: path) != nil }

    /// Another shard has had an authenticated check on `path`, which it was handed by this one.
    package mutating func claim(_ path: Path, for shard: Int, at now: Instant) {
        neighbours.claim(path, for: shard, at: now)
    }

    // MARK: The publisher's side of a relay

    /// From now on the shards `feeds` get what this room's publisher sends, as `publication`.
    package mutating func feed(_ roomID: RoomID, publication: UInt64, to feeds: [Int]) {
        guard let place = roomPlaces[roomID], rooms[place].publisher != nil else { return }
        rooms[place].publication = publication
        publications[publication] = place
        for track in rooms[place].tracks {
            track.publication = publication
            track.feeds = feeds
            // A viewer over there begins with the last keyframe, too. Who has it already takes it no second time.
            guard !feeds.isEmpty, let start = track.entryStart else { continue }
            let end = track.ring.nextSerial
            relays.removeAll { $0.track === track && $0.serial >= start }
            for serial in start..<end {
                relays.append(PendingRelay(track: track, serial: serial, isPast: serial + 1 < end))
            }
        }
        // Where there is none kept, it can begin with the next one only.
        if rooms[place].tracks.contains(where: { $0.line.kind == .video && $0.entryStart == nil }) {
            wantKeyframe(publication: publication)
        }
    }

    /// A viewer on another shard waits for a keyframe.
    package mutating func wantKeyframe(publication: UInt64) {
        guard let place = publications[publication], let publisher = rooms[place].publisher else { return }
        for track in rooms[place].tracks where track.line.kind == .video { track.requester.want() }
        timers.hasten(publisher, to: .zero)
    }

    /// Packets that go to other shards at a time: what a ring between two has room for, and they have time to take.
    private static var relayLimit: Int { 256 }

    /// Something is left of what is to be relayed.
    package var hasRelays: Bool { !relays.isEmpty }

    /// Calls `send` for packets that have come in since, with the shards that get them.
    package mutating func takeRelays(_ send: (_ shards: [Int], RelayedPacket, RawSpan) -> Void) {
        guard !relays.isEmpty else { return }
        for relay in relays.prefix(Self.relayLimit) {
            let track = relay.track
            let window = unsafe track.ring.window
            guard window.contains(relay.serial) else { continue }
            let relayed = RelayedPacket(
                publication: track.publication, track: Int(track.mediaLine), serial: relay.serial,
                arrival: track.lastArrival, timeline: track.timeline,
                isPast: relay.isPast, packet: window[relay.serial])
            send(track.feeds, relayed, window.octets(relay.serial))
        }
        if relays.count > Self.relayLimit {
            relays.removeFirst(Self.relayLimit)
        } else {
            relays.removeAll(keepingCapacity: true)
        }
    }

    // MARK: The viewers' side

    /// Viewers of this shard watch what another shard's session publishes, with these m-sections.
    package mutating func mirror(
        _ roomID: RoomID, publication: UInt64, from shard: Int, media: [MediaLineRecord]
    ) {
        guard let place = roomPlaces[roomID], rooms[place].publisher == nil else { return }
        forgetPublication(of: place)
        rooms[place].publication = publication
        rooms[place].source = shard
        publications[publication] = place
        // What was followed until now is left first: the next tracks go on from there.
        setTracks([], room: place)
        setTracks(makeTracks(media, room: place), room: place)
        // What comes first may be the last keyframe, of any age.
        for viewer in rooms[place].viewers { beginWithPast(viewer) }
    }

    /// The publication has ended.
    package mutating func endMirror(publication: UInt64) {
        guard let place = publications[publication], rooms[place].source != nil else { return }
        forgetPublication(of: place)
        setTracks([], room: place)
    }

    /// Takes a packet that another shard has received and decrypted.
    package mutating func receive(_ relayed: RelayedPacket, _ octets: RawSpan) {
        guard let place = publications[relayed.publication], rooms[place].source != nil,
            rooms[place].tracks.indices.contains(relayed.track)
        else { return }
        let track = rooms[place].tracks[relayed.track]
        guard relayed.serial >= track.nextRelayed else { return }
        var packet = relayed.packet
        // Over there streams may be numbered anew: that room may have been empty meanwhile, or be another shard's.
        if track.nextRelayed == 0 { track.streamOffset = track.stream &- packet.stream }
        packet.stream &+= track.streamOffset
        if relayed.serial != track.nextRelayed { track.relayedSince = relayed.serial }
        track.nextRelayed = relayed.serial + 1
        // An entry point whose beginning did not come through here is none.
        if UInt64(packet.entryDistance) > relayed.serial - track.relayedSince {
            packet.entryPoint = .none
            packet.entryDistance = 0
        }
        track.follow(packet.stream)
        track.timeline = relayed.timeline
        track.lastArrival = relayed.arrival
        guard track.append(packet, octets) else {
            counters.rtpDropped &+= 1
            return
        }
        track.noteEntry(packet)
        counters.packetsRelayed &+= 1
        // How far behind the past is shows its end.
        guard !relayed.isPast else { return }
        queueFanOut(track, room: place, place: relayed.track)
    }

    /// Which publisher's shard is to be asked for a keyframe, for which publication.
    package mutating func takeKeyframeWishes() -> [(shard: Int, publication: UInt64)] {
        guard !keyframeWishes.isEmpty else { return [] }
        defer { keyframeWishes.removeAll(keepingCapacity: true) }
        return keyframeWishes
    }
}

/// A publisher's packet on its way to another shard; its octets follow it.
package struct RelayedPacket: BitwiseCopyable, Sendable {
    /// Which publisher's: the same number is never used for another.
    package var publication: UInt64
    /// Place in the room.
    package var track: Int
    /// Of the ring it came from: a gap is a loss on the way.
    package var serial: UInt64
    package var arrival: Instant
    package var timeline: MediaTimeline
    /// More of what had come before follows at once.
    package var isPast: Bool
    package var packet: PacketRing.Packet
}

/// A packet that waits to be handed to other shards.
struct PendingRelay {
    let track: Track
    let serial: UInt64
    var isPast = false
}
