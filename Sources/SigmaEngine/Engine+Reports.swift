package import SigmaCore
internal import SigmaWire

/// One session of a snapshot.
package struct SessionSummary: Equatable, Sendable {
    package let sessionID: SessionID
    package let roomID: RoomID
    package let role: Role
    package let state: SessionState
    /// A publisher whose media comes.
    package let isLive: Bool
    /// Unix time, ns.
    package let openedAt: UInt64
    /// Of each m-section of a publisher that has any, as last told by an event.
    package var troubles: [TroubleFacts] = []
    /// A publisher that has its room, and is not about to take it over.
    package var hasRoom = false
    /// Of each m-section of a publisher, as last told by an event.
    package var tracks: [TrackFacts] = []
}

/// One session of the statistics.
package struct SessionReport: Sendable {
    package let summary: SessionSummary
    package let counters: SessionCounters
    package let tracks: [TrackReport]
}

/// One stream of a session: in for a publisher, out for a viewer.
package struct TrackReport: Equatable, Sendable {
    package var mid: [UInt8]
    package var kind: MediaKind
    package var ssrc: UInt32
    package var packets: UInt64
    package var octets: UInt64
    package var packetsLost: Int32 = 0
    /// Of 256 packets between the last two reports, those that were lost.
    package var fractionLost: UInt8 = 0
    /// RTP ticks: seen by us of a publisher, as reported by a viewer.
    package var jitter: UInt32 = 0
    package var keyframes: UInt64 = 0
    /// Milliseconds between the last two keyframes; 0 before the second.
    package var keyframeInterval: UInt32 = 0
    /// The longest of the last few, the one that lasts included.
    package var longestKeyframeInterval: UInt32 = 0
    package var troubles: Troubles = []
    /// Pixels; 0 when not known.
    package var width: UInt32 = 0
    package var height: UInt32 = 0
}

extension Engine {
    package var sessionCount: Int { live.count }

    /// All sessions, in no order; together with ``Journal/newest`` a snapshot.
    package func snapshot() -> [SessionSummary] { live.map { slot in summary(slot) } }

    /// - Parameter sessionIDs: Empty for all; unknown ones are left out.
    package func statistics(of sessionIDs: [SessionID]) -> [SessionReport] {
        let chosen = sessionIDs.isEmpty ? live : sessionIDs.compactMap { slots[$0] }
        return chosen.map { slot in
            SessionReport(summary: summary(slot), counters: totals(slot), tracks: tracks(slot))
        }
    }

    private func summary(_ slot: Int) -> SessionSummary {
        let cold = slab.cold(slot)
        return SessionSummary(
            sessionID: cold.sessionID, roomID: cold.roomID, role: cold.role, state: cold.state,
            isLive: hasRoom(slot) && rooms[runtimes[slot].room].isLive,
            openedAt: cold.openedAtUnix, hasRoom: hasRoom(slot))
    }

    /// It is the publisher of its room, and not one that is about to take it over.
    private func hasRoom(_ slot: Int) -> Bool { rooms[runtimes[slot].room].publisher == slot }

    private func totals(_ slot: Int) -> SessionCounters {
        var counters = slab[slot].counters
        guard hasRoom(slot) else { return counters }
        let lost = rooms[runtimes[slot].room].tracks.reduce(0) {
            $0 + Int64(max(0, $1.statistics.cumulativeLost))
        }
        counters.packetsLost = UInt64(lost)
        return counters
    }

    private func tracks(_ slot: Int) -> [TrackReport] {
        let cold = slab.cold(slot)
        if cold.role == .publisher {
            guard hasRoom(slot) else { return [] }
            return rooms[runtimes[slot].room].tracks.map { track in
                TrackReport(
                    mid: track.line.mid.octets, kind: track.line.kind, ssrc: track.ssrc?.rawValue ?? 0,
                    packets: track.packets, octets: track.octets,
                    packetsLost: track.statistics.cumulativeLost,
                    fractionLost: track.statistics.fractionLost, jitter: track.statistics.jitter,
                    keyframes: track.keyframes,
                    keyframeInterval: UInt32(clamping: track.keyframeInterval),
                    longestKeyframeInterval: UInt32(clamping: track.bitstream.longestInterval.milliseconds),
                    troubles: track.bitstream.troubles,
                    width: track.facts.width, height: track.facts.height)
            }
        }
        return (0..<runtimes[slot].egressCount).map { index in
            let egress = slab[slot].egress[index]
            return TrackReport(
                mid: cold.media[index].mid.octets, kind: cold.media[index].kind, ssrc: egress.ssrc,
                packets: egress.packets, octets: egress.octets,
                packetsLost: runtimes[slot].egress[index].reportedLost,
                fractionLost: runtimes[slot].egress[index].reportedFractionLost,
                jitter: runtimes[slot].egress[index].reportedJitter)
        }
    }
}
