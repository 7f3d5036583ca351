package import SigmaPeer
internal import SigmaWire

/// A run over networks that lose, made of what a seed says: who can repair what, how much is lost, how, on which side.
///
/// Ends with links that lose nothing, so that all that was asked for can be answered.
package final class LossScenario {
    package struct Outcome: Equatable, Sendable {
        /// In words; empty when all promises were kept.
        package var violations: [String]
        /// What the run was made of, in words.
        package var story: [String]
        package var offeredAgain: Int
        package var counts: [LossRecovery.Counts]
    }

    private let seed: UInt64
    private let shape: Scenario.Shape
    private let simulation: Simulation
    private var random: SplitMix64
    private var story: [String] = []
    /// Nanoseconds one way, by the number of the client.
    private var delays: [Int: Int64] = [:]
    /// Of the server's requests to publishers.
    private var wrongRequests: [String] = []

    package init(seed: UInt64, shape: Scenario.Shape) throws {
        self.seed = seed
        self.shape = shape
        random = SplitMix64(seed: seed ^ 0x1055)
        simulation = try Simulation(
            seed: seed, sessionLimit: 8, journalCapacity: 256, shards: Int.random(in: 1...2, using: &random))
    }

    package func run() throws -> Outcome {
        let publisher = try join(.publisher)
        let viewers = try (0..<Int.random(in: 1...2, using: &random)).map { _ in try join(.viewer) }
        _ = simulation.run(upTo: 5_000_000_000) {
            simulation.clients.allSatisfy { $0.peer.state == .connected }
        }
        impair(publisher, chance: 0.5)
        for viewer in viewers { impair(viewer, chance: 0.9) }
        for _ in 0..<3 {
            simulation.run(for: Int64.random(in: 500_000_000...2_500_000_000, using: &random))
            happen(to: publisher)
        }
        for client in simulation.clients {
            // As far away as before, or requests under way would seem closer together than they were sent.
            let link = delays[client.number].map { LinkConditions(delay: $0) }
            simulation.setLink(client, up: link, down: link)
        }
        simulation.run(for: 2_500_000_000)
        simulation.checkRepair()
        checkRequests(to: publisher)
        return Outcome(
            violations: simulation.violations.map { "\(Double($0.at) / 1e9) s: \($0.violation)" }
                + wrongRequests,
            story: story, offeredAgain: simulation.offeredAgain,
            counts: viewers.compactMap { $0.received(.video)?.repair })
    }

    // MARK: Chance

    private func join(_ role: PeerRole) throws -> Simulation.Client {
        let offered =
            [RepairSettings.Offered.rtx, .rtx, .nack, .nack, .nothing].randomElement(using: &random) ?? .rtx
        let announces = random.chance(0.5)
        story.append("\(role): \(offered)\(announces ? "" : ", unannounced")")
        return try simulation.join(role) { [shape] configuration in
            configuration.repair = RepairSettings(offered)
            configuration.repair.announcesRTX = announces
            configuration.audioInterval = shape.audioInterval
            configuration.video = SyntheticVideo.Settings(
                bitrate: shape.bitrate, framesPerSecond: shape.framesPerSecond, keyframeInterval: 4)
        }
    }

    /// 30 to 400 ms there and back, and 1 to 20 % lost, each for itself or together.
    private func impair(_ client: Simulation.Client, chance: Double) {
        guard random.chance(chance) else { return }
        let delay = Int64.random(in: 15_000_000...200_000_000, using: &random)
        delays[client.number] = delay
        let isPublisher = client.peer.offer.role == .publisher
        let up = conditions(delay)
        var down = conditions(delay)
        // So that what the server asks for can be told apart.
        if isPublisher { down = LinkConditions(loss: random.chance(0.5) ? 0 : 0.1, delay: delay) }
        story.append("\(client.peer.offer.role): up \(up), down \(down)")
        simulation.setLink(client, up: up, down: down)
    }

    private func conditions(_ delay: Int64) -> LinkConditions {
        var conditions = LinkConditions(delay: delay)
        if random.chance(0.3) {
            conditions.burst = LinkConditions.Burst(
                start: Double.random(in: 0.002...0.02, using: &random),
                end: Double.random(in: 0.1...0.5, using: &random))
        } else {
            conditions.loss = Double.random(in: 0.01...0.2, using: &random)
        }
        if random.chance(0.4) { conditions.jitter = Int64.random(in: 0...60_000_000, using: &random) }
        if random.chance(0.3) { conditions.duplicate = Double.random(in: 0...0.1, using: &random) }
        return conditions
    }

    private func happen(to publisher: Simulation.Client) {
        let choice = Int.random(in: 0..<10, using: &random)
        switch choice {
        case 0:
            story.append("\(Double(simulation.now) / 1e9) s: encoder restarts")
            simulation.act(publisher) { peer, _ in peer.restartEncoder() }
            // The ring finds packets by their place in the newest source; the last of the old one is under way yet.
            for _ in 0..<15 {
                simulation.supersede()
                simulation.run(for: 20_000_000)
            }
            simulation.supersede()
        case 1:
            story.append("\(Double(simulation.now) / 1e9) s: keyframe")
            simulation.act(publisher) { peer, _ in peer.makeKeyframe() }
        default: break
        }
    }

    // MARK: What the server asks publishers for

    private struct Asked: Hashable {
        let ssrc: UInt32
        let number: UInt16
    }

    /// The least time between two requests for one packet, ns: what is known as a round trip is never less.
    private static let leastSpacing: Int64 = 19_000_000

    private func checkRequests(to publisher: Simulation.Client) {
        var times: [Asked: [Int64]] = [:]
        for (at, event) in publisher.events {
            guard case .retransmissionRequested(let ssrc, let number) = event else { continue }
            times[Asked(ssrc: ssrc, number: number), default: []].append(at)
        }
        if publisher.peer.offer.media.allSatisfy({ !$0.hasNACK }), !times.isEmpty {
            wrongRequests.append("requests without nack")
        }
        for (packet, times) in times.sorted(by: {
            ($0.key.ssrc, $0.key.number) < ($1.key.ssrc, $1.key.number)
        }) {
            if times.count > RepairAudit.offerLimit {
                wrongRequests.append("\(packet) asked for \(times.count) times")
            }
            if zip(times, times.dropFirst()).contains(where: { $1 - $0 < Self.leastSpacing }) {
                wrongRequests.append("\(packet) asked for at \(times)")
            }
        }
    }
}
