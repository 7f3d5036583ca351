import SigmaPeer

/// What a run showed: of the window, unless a name says otherwise.
package struct LoadReport {
    private let results: LoadResults
    private let options: LoadOptions
    private let streams: [ReceiveStatistics]

    init(_ results: LoadResults, _ options: LoadOptions) {
        self.results = results
        self.options = options
        streams = results.samples.flatMap { $0.received.values }
    }

    private var wanted: Int { options.whep == nil ? 0 : options.viewers }

    private var wantedPublishers: Int { options.whip == nil ? 0 : options.rooms }

    /// Everyone who was asked for connected, and still is.
    package var isSuccess: Bool {
        results.connected == wanted && results.publishersConnected == wantedPublishers
            && results.connectsDone == options.connects && results.errors.isEmpty
    }

    package var json: String { JSON.object(members + [.init("errors", errors)]).text }

    private var errors: JSON { .array(results.errorLines.map { .text($0) }) }

    package var table: String {
        let width = members.map(\.name.count).max() ?? 0
        let lines = members.map { member in
            let name = member.name.map { $0 == "_" ? " " : String($0) }.joined()
            return name + String(repeating: " ", count: width + 2 - name.count) + member.value.cell
        }
        return (lines + results.errorLines.map { "error: \($0)" }).joined(separator: "\n")
    }

    private var members: [JSON.Member] {
        who + counted + sampled + joins + cost + publisher
    }

    private var seconds: Double { Double(results.close.time - results.open.time) / 1e9 }

    private var who: [JSON.Member] {
        [
            .init("viewers", .count(wanted)), .init("connected", .count(results.connected)),
            .init("failed", .count(wanted - results.connected)), .init("rooms", .count(options.rooms)),
            .init("churned", .count(results.churned)), .init("seconds", .number(seconds, digits: 3)),
        ]
    }

    /// Of all viewers, by the plain headers.
    private var counted: [JSON.Member] {
        let window = results.close.tally - results.open.tally
        let share = window.expected > 0 ? 100 * Double(window.lost) / Double(window.expected) : nil
        return [
            .init("packets", .count(window.packets)), .init("octets", .count(window.octets)),
            .init("expected_packets", .count(window.expected)), .init("lost_packets", .count(window.lost)),
            .init("lost_percent", .orNull(share, digits: 4)), .init("gaps", .count(window.lost)),
            .init("duplicates", .count(window.duplicates)),
            .init("out_of_order", .count(window.outOfOrder)),
            .init("lost_before_window", .count(results.open.tally.lost)),
            .init("load_dropped", .count(results.close.drops - results.open.drops)),
        ]
    }

    private func sum(_ field: (ReceiveStatistics) -> Int) -> JSON {
        .count(streams.reduce(0) { $0 + field($1) })
    }

    /// Of the viewers that decrypt; all but the latency since they connected.
    private var sampled: [JSON.Member] {
        let isSynthetic = options.whip != nil && options.file == nil
        let frames = results.samples.map { $0.received.values.reduce(0) { $0 + $1.completeFrames } }.sorted()
        let firstFrames = streams.compactMap { stream in stream.firstFrameAt }.count
        return [
            .init("sampled_viewers", .count(results.samples.count)),
            .init("audio_packets", sum { $0.kind == .audio ? $0.packets : 0 }),
            .init("video_packets", sum { $0.kind == .video ? $0.packets : 0 }),
            .init("decrypt_failures", sum(\.decryptFailures)),
            .init("timestamps_backwards", sum(\.timestampsBackwards)),
            .init("sender_reports", sum(\.senderReports)), .init("keyframes", sum(\.keyframes)),
            .init("frames", sum(\.completeFrames)), .init("frames_min", .orNull(frames.first)),
            .init("frames_median", .orNull(frames.isEmpty ? nil : frames[frames.count / 2])),
            .init("first_frames", .count(firstFrames)),
            .init("damaged_payloads", isSynthetic ? sum(\.damagedPayloads) : .null),
            .init("missed_from_publisher", isSynthetic ? sum(\.missedFromPublisher) : .null),
            .init("latency_us", latency),
        ]
    }

    private var latency: JSON {
        let histogram = results.latency
        let microseconds = { (value: Int64?) in JSON.orNull(value.map { Double($0) / 1000 }, digits: 1) }
        return .object([
            .init("p50", microseconds(histogram.percentile(0.5))),
            .init("p90", microseconds(histogram.percentile(0.9))),
            .init("p99", microseconds(histogram.percentile(0.99))),
            .init("max", microseconds(histogram.count > 0 ? histogram.maximum : nil)),
            .init("count", .count(Int(clamping: histogram.count))),
        ])
    }

    private func milliseconds(_ times: [Double]) -> JSON {
        let sorted = times.sorted()
        let at = { (share: Double) -> JSON in
            guard let last = sorted.last else { return .null }
            let rank = Int((share * Double(sorted.count)).rounded(.up)) - 1
            return .number(sorted.indices.contains(rank) ? sorted[rank] : last, digits: 2)
        }
        return .object([
            .init("p50", at(0.5)), .init("p99", at(0.99)), .init("max", at(1)),
            .init("count", .count(sorted.count)),
        ])
    }

    private var joins: [JSON.Member] {
        [
            .init("connects", .count(results.connectsDone)),
            .init("connect_ms", milliseconds(results.connectTimes)),
            .init("first_packet_ms", milliseconds(results.firstPacketTimes)),
            .init("connects_per_second", .orNull(results.joinsPerSecond, digits: 1)),
        ]
    }

    private var cost: [JSON.Member] {
        let seconds = Double(results.close.processorTime - results.open.processorTime) / 1e9
        return [
            .init("load_cpu_seconds", .number(seconds, digits: 3)),
            .init("servers", .array(results.servers.map(server))),
        ]
    }

    private func server(_ cost: ServerCost) -> JSON {
        .object([
            .init("pid", .count(cost.process.pid)),
            .init("cpu_seconds", .orNull(cost.windowSeconds, digits: 4)),
            .init("connect_cpu_seconds", .orNull(cost.connectSeconds, digits: 4)),
            .init("rss_before_kib", .orNull(cost.residentBefore)),
            .init("rss_kib", .orNull(cost.residentAtClose)), .init("rss_peak_kib", .orNull(cost.peak)),
        ])
    }

    private var publisher: [JSON.Member] {
        guard options.whip != nil else { return [] }
        return [
            .init("sent_packets", .count(results.close.sentPackets - results.open.sentPackets)),
            .init("refused_datagrams", .count(results.refusedDatagrams)),
            .init(
                "publisher",
                .object([
                    .init("connected", .bool(results.publishersConnected == wantedPublishers)),
                    .init("keyframe_requests", .count(results.keyframeRequests)),
                ])),
            .init("publisher_connected", .bool(results.publishersConnected == wantedPublishers)),
            .init("publisher_keyframe_requests", .count(results.keyframeRequests)),
        ]
    }
}
