import SigmaPeer
import SigmaSystem

/// What a run has found so far.
struct LoadResults {
    /// Sums since the beginning, at one moment.
    struct Snapshot {
        /// ns of the monotonic clock.
        var time: Int64 = 0
        var tally = Tally()
        var sentPackets = 0
        /// CPU time of this process, ns.
        var processorTime: Int64 = 0
        /// Datagrams that our own receive buffers had no room for.
        var drops = 0
    }

    var servers: [ServerCost] = []
    private(set) var errors: [String] = []
    private var repetitions: [String: Int] = [:]

    private(set) var joinsBegun = 0
    private var firstJoinAt: Int64?
    private var lastJoinAt: Int64?
    private(set) var joinsDone = 0
    /// Milliseconds from the request to the end of DTLS.
    private(set) var connectTimes: [Double] = []
    /// To the first packet.
    private(set) var firstPacketTimes: [Double] = []
    var connectsDone = 0
    var churned = 0

    var publishersConnected = 0
    var keyframeRequests = 0
    var sentPackets = 0
    /// Of clients that have left.
    var departed = Tally()
    var departedDrops = 0
    var departedSamples: [Peer] = []
    /// Of sampled viewers' video within the window, ns.
    var latency = Histogram()

    var open = Snapshot()
    var close = Snapshot()
    /// Viewers that were connected when the window closed.
    var connected = 0
    /// Those of them that decrypt, and those that did and have left.
    var samples: [Peer] = []
    var refusedDatagrams = 0

    /// Adds an error; a repeated one is only counted.
    mutating func note(_ error: String) {
        if let count = repetitions[error] {
            repetitions[error] = count + 1
            return
        }
        repetitions[error] = 1
        errors.append(error)
    }

    /// The errors with their numbers.
    var errorLines: [String] {
        errors.map { line in
            let count = repetitions[line] ?? 1
            return count > 1 ? "\(line) (\(count) times)" : line
        }
    }

    mutating func noteJoinBegun(at time: Int64) {
        joinsBegun += 1
        firstJoinAt = firstJoinAt ?? time
    }

    /// Forgets the joins so far: from now on others are meant.
    mutating func restartJoins(keeping keeps: Bool) {
        guard !keeps else { return }
        (firstJoinAt, lastJoinAt, joinsDone) = (nil, nil, 0)
    }

    mutating func noteJoin(_ client: LoadClient, isMeasured: Bool) {
        guard isMeasured, let connectedAt = client.connectedAt else { return }
        connectTimes.append(Double(connectedAt - client.askedAt) / 1e6)
        joinsDone += 1
        lastJoinAt = SystemClock.monotonic()
    }

    mutating func noteFirstPacket(_ client: LoadClient) {
        guard let firstPacketAt = client.firstPacketAt else { return }
        firstPacketTimes.append(Double(firstPacketAt - client.askedAt) / 1e6)
    }

    /// Joins per second from the first one's request to the last one's end.
    var joinsPerSecond: Double? {
        guard let firstJoinAt, let lastJoinAt, lastJoinAt > firstJoinAt else { return nil }
        return Double(joinsDone) * 1e9 / Double(lastJoinAt - firstJoinAt)
    }
}
