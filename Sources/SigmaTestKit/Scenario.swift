internal import SigmaCore
internal import SigmaEngine
internal import SigmaPeer
internal import SigmaWire

/// A run made of what a seed says: who joins, who leaves, what the networks do, what strangers try.
///
/// Ends with every peer falling silent, and 35 s later nothing may be left.
package final class Scenario {
    /// How much media there is.
    package struct Shape: Sendable {
        /// bit/s of a publisher's video.
        package var bitrate: Int
        package var framesPerSecond: Int
        /// Nanoseconds.
        package var audioInterval: Int64
        /// Things that happen, at most.
        package var steps: Int
        /// Nanoseconds between two of them, at most.
        package var pause: Int64

        /// A few packets a second: for many seeds.
        package static let lowRate = Shape(
            bitrate: 8_000, framesPerSecond: 2, audioInterval: 400_000_000, steps: 12,
            pause: 1_500_000_000)
        /// What a camera sends.
        package static let videoRate = Shape(
            bitrate: 1_500_000, framesPerSecond: 30, audioInterval: 20_000_000, steps: 16,
            pause: 1_000_000_000)
    }

    package struct Outcome: Equatable, Sendable {
        package var digest: UInt64
        /// In words; empty when all promises were kept.
        package var violations: [String]
        /// What happened, in words.
        package var story: [String]
        /// What the run was made of, to see that runs are worth something.
        package var connected: Int
        package var forwarded: UInt64
        /// Packets that one shard took for the viewers of another.
        package var relayed: UInt64
        package var peers: Int
    }

    static let sessionLimit = 16
    /// Nanoseconds after which nothing is left of peers that are silent.
    private static let oblivion: Int64 = 35_000_000_000

    let seed: UInt64
    let shape: Shape
    let simulation: Simulation
    var random: SplitMix64
    var mutator: Mutator
    /// Nothing is lost between publishers and server, so viewers may miss no number.
    let isClean: Bool
    var addresses: UInt32 = 0
    var story: [String] = []

    package init(seed: UInt64, shape: Shape) throws {
        self.seed = seed
        self.shape = shape
        var random = SplitMix64(seed: seed ^ 0x5CE0_A210)
        simulation = try Simulation(
            seed: seed, sessionLimit: Self.sessionLimit, journalCapacity: 256,
            handshakeLatency: random.chance(0.5) ? Int64.random(in: 0...200_000_000, using: &random) : 0,
            shards: Int.random(in: 1...3, using: &random))
        self.random = random
        mutator = Mutator(seed: seed ^ 0x8057)
        isClean = self.random.chance(0.3)
    }

    package func run() throws -> Outcome {
        if !isClean, random.chance(0.5) { simulation.network.standard = conditions() }
        join(.publisher)
        for _ in 0..<Int.random(in: 1...2, using: &random) { join(.viewer) }
        for _ in 0..<Int.random(in: 3...shape.steps, using: &random) {
            pass(shape.pause)
            act()
        }
        pass(shape.pause)
        // With packets out of order a viewer misses those of its first picture that came before its head.
        if isClean { simulation.checkNumbers() }
        simulation.server.pace = SimulatedServer.Pace()
        simulation.haltAll()
        simulation.run(for: Self.oblivion)
        simulation.checkFreed()
        return outcome
    }

    private func pass(_ longest: Int64) {
        simulation.run(for: Int64.random(in: 1_000_000...longest, using: &random))
    }

    private var outcome: Outcome {
        Outcome(
            digest: simulation.digest,
            violations: simulation.violations.map { "\(Double($0.at) / 1e9) s: \($0.violation)" },
            story: story, connected: simulation.clients.count { $0.peer.connectedAt != nil },
            forwarded: simulation.server.counters.rtpForwarded,
            relayed: simulation.server.counters.packetsRelayed, peers: simulation.clients.count)
    }

    // MARK: Chance

    /// An address that nobody has had.
    func freshAddress() -> Address {
        addresses += 1
        return Address(v4: 0x0A01_0000 + addresses, port: UInt16.random(in: 1024...65535, using: &random))
    }

    func conditions() -> LinkConditions {
        var conditions = LinkConditions(delay: Int64.random(in: 1_000_000...150_000_000, using: &random))
        if random.chance(0.5) { conditions.loss = Double.random(in: 0...0.3, using: &random) }
        if random.chance(0.5) { conditions.jitter = Int64.random(in: 0...80_000_000, using: &random) }
        if random.chance(0.3) { conditions.duplicate = Double.random(in: 0...0.1, using: &random) }
        if random.chance(0.2) { conditions.burst = LinkConditions.Burst(start: 0.02, end: 0.2) }
        if random.chance(0.2) {
            conditions.bottleneck = LinkConditions.Bottleneck(
                rate: Int64.random(in: 50_000...3_000_000, using: &random),
                queue: Int64.random(in: 3_000...60_000, using: &random))
        }
        return conditions
    }

    func anyone(_ role: PeerRole? = nil) -> Simulation.Client? {
        simulation.clients
            .filter { $0.peer.state != .closed && (role == nil || $0.peer.offer.role == role) }
            .randomElement(using: &random)
    }

    // MARK: Peers

    /// What may be wrong with a peer.
    private enum Fault: CaseIterable {
        case certificateNotAnnounced, noCertificate, noCommonProfile, noProfile
    }

    /// Refused when the room is taken or the server full, which is no fault.
    func join(_ role: PeerRole) {
        let setup = [OfferedSetup.actpass, .active, .passive].randomElement(using: &random) ?? .actpass
        let profiles: [[ProtectionProfile]] = [
            [.aeadAES128GCM, .aes128CMSHA1_80], [.aes128CMSHA1_80], [.aeadAES128GCM],
        ]
        var offered = profiles.randomElement(using: &random) ?? profiles[0]
        let answersRequests = random.chance(0.7)
        let feedback = [OfferedBandwidthFeedback.transportWide, .estimate, .none][Int(seed % 3)]
        // The first publisher is one that the others can watch.
        let isFaulty = !simulation.clients.isEmpty && random.chance(0.05)
        let fault = isFaulty ? Fault.allCases.randomElement(using: &random) : nil
        if fault == .noCommonProfile { offered = [.aes128CMSHA1_32] }
        if fault == .noProfile { offered = [] }
        let announced: [UInt8]? = fault == .certificateNotAnnounced ? random.octets(32) : nil
        _ = try? simulation.join(role, announcing: announced, isImpostor: isFaulty) { [shape] configuration in
            // Only a DTLS client may come without a certificate.
            configuration.setup = fault == .noCertificate ? .active : setup
            configuration.showsCertificate = fault != .noCertificate
            configuration.profiles = offered
            configuration.audioInterval = shape.audioInterval
            configuration.answersKeyframeRequests = answersRequests
            configuration.bandwidthFeedback = feedback
            configuration.video = SyntheticVideo.Settings(
                bitrate: shape.bitrate, framesPerSecond: shape.framesPerSecond, keyframeInterval: 4)
        }
    }
}
