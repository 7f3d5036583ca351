import FoundationEssentials
import SigmaControl
import SigmaStore

/// What media has counted, in words and in JSON.
struct StatisticsReport {
    private let statistics: MediaStatistics
    private let sessions: [(label: String, known: KnownSession?, counts: SessionStatistics)]
    private let names: RoomNames
    private let context: OperatorContext

    init(
        _ statistics: MediaStatistics, _ known: [KnownSession], names: RoomNames, _ context: OperatorContext
    ) {
        self.statistics = statistics
        self.names = names
        self.context = context
        let byHash = Dictionary(known.map { ($0.idHash, $0) }) { first, _ in first }
        sessions = statistics.sessions.map { counts in
            let hash = Data(SHA256.hash(counts.sessionID))
            return (byHash[hash]?.label ?? String(hash.hexadecimal.prefix(8)), byHash[hash], counts)
        }
    }

    private var style: Style { context.style }

    // MARK: Words

    /// All sessions, and the counters of the process.
    var overview: String {
        var table = Table([
            .number("SESSION"), .text("ROOM"), .text("ROLE"), .text("STATE"), .number("RTT"),
            .number("RECEIVED"),
            .number("SENT"), .number("LOST"), .number("RESENT"), .number("DROPPED"),
            .number("KEYFRAMES ASKED"),
        ])
        for (label, _, counts) in sessions {
            table.add([
                label, names[counts.roomID], counts.role.text, counts.state.text, counts.roundTripText ?? "",
                Quantity.octets(counts.octetsReceived), Quantity.octets(counts.octetsSent),
                String(counts.packetsLost), String(counts.packetsRetransmitted),
                String(counts.packetsDropped), String(counts.keyframeRequests),
            ])
        }
        var facts = Facts()
        for (name, count) in statistics.begin.counters.sorted(by: { $0.key < $1.key }) where count > 0 {
            facts.add(name, String(count))
        }
        let counters = facts.text(style)
        guard !table.isEmpty else { return counters }
        return table.take(terminal: context.columns, style: style) + (counters.isEmpty ? "" : "\n" + counters)
    }

    /// The one session that was asked for; `nil` where media has it no more.
    var detail: String? {
        guard let (label, known, counts) = sessions.first else { return nil }
        let isViewer = counts.role == .viewer
        var facts = Facts()
        facts.add("Session", label)
        facts.add("Room", names[counts.roomID])
        facts.add("Role", counts.role.text)
        facts.add("State", known?.live?.stateText ?? counts.state.text)
        facts.add("Opened", known.map { context.zone.text($0.openedAt) })
        facts.add("Round trip", counts.roundTripText)
        facts.add("Received", "\(Quantity.octets(counts.octetsReceived)), \(counts.packetsReceived) packets")
        facts.add("Sent", "\(Quantity.octets(counts.octetsSent)), \(counts.packetsSent) packets")
        facts.add(isViewer ? "Lost, as it reports" : "Lost", String(counts.packetsLost))
        facts.add(isViewer ? "Sent again" : "Recovered", String(counts.packetsRetransmitted))
        facts.add(isViewer ? "NACKs received" : "NACKs sent", String(counts.nacks))
        facts.add(
            isViewer ? "Asked for keyframes" : "Was asked for keyframes", String(counts.keyframeRequests))
        if isViewer {
            facts.add("Not sent", "\(counts.packetsDropped) packets, \(counts.framesDropped) pictures")
            facts.add("Began with a past keyframe", String(counts.joinsFromCache))
        }
        facts.add("Refused by SRTP", String(counts.srtpFailures))
        return facts.text(style) + tracks(of: counts)
    }

    private func tracks(of counts: SessionStatistics) -> String {
        guard !counts.tracks.isEmpty else { return "" }
        var table = Table([
            .text("MID"), .text("TRACK"), .number("SSRC"), .number("PACKETS"), .number("OCTETS"),
            .number("LOST"),
            .number("NOW"), .number("JITTER"), .number("SIZE"), .number("KEYFRAMES"), .number("APART"),
            .text("TROUBLES"),
        ])
        for track in counts.tracks {
            table.add([
                track.mid, track.kind.text, String(track.ssrc), String(track.packets),
                Quantity.octets(track.octets), String(track.packetsLost),
                "\(Quantity.tenths(Double(track.fractionLost) * 100 / 256)) %", track.jitterText ?? "",
                track.width == 0 ? "" : "\(track.width)x\(track.height)",
                track.kind == .video ? String(track.keyframes) : "",
                track.keyframeInterval == 0
                    ? "" : Quantity.seconds(milliseconds: Int64(track.keyframeInterval)),
                track.troubles.map(\.code).joined(separator: ", "),
            ])
        }
        return "\n" + table.take(terminal: context.columns, style: style)
    }

    // MARK: JSON

    var json: JSONText {
        let counters = statistics.begin.counters.sorted { $0.key < $1.key }
        return .object([
            ("time", .count(statistics.begin.time)),
            ("counters", .object(counters.map { ($0.key, .count($0.value)) })),
            ("sessions", .list(sessions.map { json($0.known, $0.counts) })),
        ])
    }

    private func json(_ known: KnownSession?, _ counts: SessionStatistics) -> JSONText {
        .object([
            ("number", .optional(known?.stored?.number)),
            ("id_hash", .text(SHA256.hash(counts.sessionID).hexadecimal)), ("room_id", .count(counts.roomID)),
            ("role", .text(counts.role.text)), ("state", .text(counts.state.text)),
            ("packets_received", .count(counts.packetsReceived)),
            ("octets_received", .count(counts.octetsReceived)), ("packets_sent", .count(counts.packetsSent)),
            ("octets_sent", .count(counts.octetsSent)), ("packets_lost", .count(counts.packetsLost)),
            ("keyframe_requests", .count(counts.keyframeRequests)),
            ("srtp_failures", .count(counts.srtpFailures)),
            ("round_trip_time_us", .count(UInt64(counts.roundTripTimeUs))),
            ("packets_dropped", .count(counts.packetsDropped)),
            ("frames_dropped", .count(counts.framesDropped)), ("nacks", .count(counts.nacks)),
            ("packets_retransmitted", .count(counts.packetsRetransmitted)),
            ("joins_from_cache", .count(counts.joinsFromCache)),
            ("tracks", .list(counts.tracks.map(\.json))),
        ])
    }
}

extension SessionStatistics {
    /// `nil` while it is not known.
    fileprivate var roundTripText: String? {
        roundTripTimeUs == 0 ? nil : "\(Quantity.tenths(Double(roundTripTimeUs) / 1000)) ms"
    }
}

extension TrackStatistics {
    fileprivate var jitterText: String? {
        kind.ticksPerMillisecond.map { "\(Quantity.tenths(Double(jitter) / Double($0))) ms" }
    }

    fileprivate var json: JSONText {
        .object([
            ("mid", .text(mid)), ("kind", .text(kind.text)), ("ssrc", .count(UInt64(ssrc))),
            ("packets", .count(packets)), ("octets", .count(octets)), ("packets_lost", .count(packetsLost)),
            ("jitter", .count(UInt64(jitter))), ("keyframes", .count(keyframes)),
            ("width", .count(UInt64(width))), ("height", .count(UInt64(height))),
            ("fraction_lost", .count(UInt64(fractionLost))),
            ("keyframe_interval", .count(UInt64(keyframeInterval))),
            ("longest_keyframe_interval", .count(UInt64(longestKeyframeInterval))),
            ("troubles", .list(troubles.map { .text($0.code) })),
        ])
    }
}
