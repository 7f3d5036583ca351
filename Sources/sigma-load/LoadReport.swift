import SigmaPeer

/// What a run showed, summed over the viewers.
struct LoadReport {
    private let wanted: Int
    private let connected: Int
    private let failures: [String]
    private let streams: [ReceiveStatistics]
    private let connectTimes: [Double]
    private let firstFrameTimes: [Double]
    private let framesPerViewer: [Int]
    private let seconds: Double
    /// Whether the payloads are of our own making, so that they can be checked.
    private let isSynthetic: Bool
    private let publisher: Publisher?
    private let delays: DelayHistogram

    private struct Publisher {
        let isConnected: Bool
        let datagramsSent: Int
        let keyframeRequests: Int
    }

    init(
        viewers: [LoadClient], publisher: LoadClient?, options: LoadOptions, failures: [String],
        delays: DelayHistogram
    ) {
        self.delays = delays
        wanted = options.whep == nil ? 0 : options.viewers
        connected = viewers.filter { $0.peer.state == .connected }.count
        let clients = viewers + (publisher.map { [$0] } ?? [])
        self.failures =
            failures
            + clients.compactMap { client in
                client.failure
                    ?? (client.peer.connectedAt == nil ? "\(client.role) did not connect in time" : nil)
            }
        streams = viewers.flatMap { $0.peer.received.values }
        connectTimes = viewers.compactMap(\.connectMilliseconds).sorted()
        firstFrameTimes = viewers.compactMap(\.firstFrameMilliseconds).sorted()
        framesPerViewer = viewers.map { $0.peer.received.values.reduce(0) { $0 + $1.completeFrames } }
            .sorted()
        seconds = options.seconds
        isSynthetic = options.whip != nil
        self.publisher =
            options.whip == nil
            ? nil
            : Publisher(
                isConnected: publisher?.peer.state == .connected, datagramsSent: publisher?.packetsSent ?? 0,
                keyframeRequests: publisher?.keyframeRequests ?? 0)
    }

    /// Everyone who was asked for connected, and still is.
    var isSuccess: Bool { connected == wanted && publisher?.isConnected != false && failures.isEmpty }

    private func sum(_ field: (ReceiveStatistics) -> Int) -> Int { streams.reduce(0) { $0 + field($1) } }

    private static func middle<T>(_ sorted: [T]) -> T? {
        sorted.isEmpty ? nil : sorted[sorted.count / 2]
    }

    /// Name and value, in the order of the output.
    private var fields: [(name: String, value: String)] {
        let number: (Double?) -> String = { value in
            value.map { "\(($0 * 10).rounded() / 10)" } ?? "null"
        }
        let count: (Int?) -> String = { value in value.map(String.init) ?? "null" }
        var fields = [
            ("viewers", "\(wanted)"), ("connected", "\(connected)"), ("failed", "\(wanted - connected)"),
            ("seconds", number(seconds)),
            ("packets", count(sum(\.packets))), ("octets", count(sum(\.octets))),
            ("audio_packets", count(sum { $0.kind == .audio ? $0.packets : 0 })),
            ("video_packets", count(sum { $0.kind == .video ? $0.packets : 0 })),
            ("gaps", count(sum(\.gaps))), ("duplicates", count(sum(\.duplicates))),
            ("out_of_order", count(sum(\.outOfOrder))), ("decrypt_failures", count(sum(\.decryptFailures))),
            ("timestamps_backwards", count(sum(\.timestampsBackwards))),
            ("sender_reports", count(sum(\.senderReports))), ("keyframes", count(sum(\.keyframes))),
            ("frames", count(sum(\.completeFrames))), ("frames_min", count(framesPerViewer.first)),
            ("frames_median", count(Self.middle(framesPerViewer))),
            ("damaged_payloads", isSynthetic ? count(sum(\.damagedPayloads)) : "null"),
            ("missed_from_publisher", isSynthetic ? count(sum(\.missedFromPublisher)) : "null"),
            ("delay_ms_median", number(delays.milliseconds(share: 0.5))),
            ("delay_ms_p99", number(delays.milliseconds(share: 0.99))),
            ("delay_ms_max", number(delays.milliseconds(share: 1))),
            ("connect_ms_median", number(Self.middle(connectTimes))),
            ("connect_ms_max", number(connectTimes.last)),
            ("first_frame_ms_median", number(Self.middle(firstFrameTimes))),
            ("first_frame_ms_max", number(firstFrameTimes.last)),
        ]
        if let publisher {
            fields += [
                ("publisher_connected", "\(publisher.isConnected)"),
                ("publisher_datagrams", "\(publisher.datagramsSent)"),
                ("publisher_keyframe_requests", "\(publisher.keyframeRequests)"),
            ]
        }
        return fields
    }

    var json: String {
        let errors = failures.map { "\"\(Self.escape($0))\"" }.joined(separator: ",")
        let members = fields.map { "\"\($0.name)\":\($0.value)" } + ["\"errors\":[\(errors)]"]
        return "{" + members.joined(separator: ",") + "}"
    }

    /// RFC 8259 §7.
    private static func escape(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { escaped, scalar in
            switch scalar {
            case "\"": escaped += "\\\""
            case "\\": escaped += "\\\\"
            case _ where scalar.value < 32: escaped += " "
            default: escaped.unicodeScalars.append(scalar)
            }
        }
    }

    var table: String {
        let width = fields.map(\.name.count).max() ?? 0
        let lines = fields.map { field in
            let name = field.name.map { $0 == "_" ? " " : String($0) }.joined()
            let value = field.value == "null" ? "–" : field.value
            return name + String(repeating: " ", count: width + 2 - field.name.count) + value
        }
        return (lines + failures.map { "error: \($0)" }).joined(separator: "\n")
    }
}
