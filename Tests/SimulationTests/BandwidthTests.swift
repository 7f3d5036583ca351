import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import SigmaWire
import Testing

@Suite(
    "Bandwidth of publishers: draft-holmer-rmcat-transport-wide-cc-extensions-01, draft-alvestrand-rmcat-remb-03"
)
struct BandwidthTests {
    private static let period: Int64 = (1 << 24) * 64_000_000

    /// One that numbers its packets, and a viewer.
    private func publish(
        seed: UInt64, _ feedback: OfferedBandwidthFeedback = .transportWide, up: LinkConditions? = nil
    ) throws -> (simulation: Simulation, publisher: Simulation.Client) {
        let simulation = try Simulation(seed: seed)
        let publisher = try simulation.join(.publisher) {
            $0.bandwidthFeedback = feedback
            // What is lost stays lost, and is not sent beside what is told of.
            $0.repair = RepairSettings(.nothing)
        }
        _ = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.setLink(publisher, up: up, down: nil)
        return (simulation, publisher)
    }

    private func feedbacks(_ client: Simulation.Client) -> [(
        at: Int64, feedback: TransportFeedbackFromServer
    )] {
        client.events.compactMap { at, event in
            if case .transportFeedback(let feedback) = event { (at, feedback) } else { nil }
        }
    }

    @Test(arguments: UInt64(1)...8)
    func `each packet is told once, right, within 100 ms of its arrival`(seed: UInt64) throws {
        let delay: Int64 = 30_000_000
        let (simulation, publisher) = try publish(seed: seed, up: LinkConditions(delay: delay))
        simulation.run(for: .seconds(1))
        let begin = simulation.now
        simulation.run(for: .seconds(12))
        let end = simulation.now
        simulation.run(for: .seconds(0.5))

        var told: [UInt16: [(at: Int64, arrival: Int64?)]] = [:]
        for (at, feedback) in feedbacks(publisher) {
            for status in feedback.statuses { told[status.number, default: []].append((at, status.arrival)) }
        }
        let sent = publisher.peer.sentNumbers.filter { $0.at > begin && $0.at < end }
        #expect(sent.count > 1000)
        #expect(publisher.peer.sentNumbers.contains { $0.number == 0 }, "the numbers have wrapped")
        for packet in sent {
            let times = told[packet.number] ?? []
            try #require(times.count == 1, "\(packet.number)")
            let arrival = packet.at + delay
            let difference = ((times[0].arrival ?? 0) - arrival) % Self.period
            try #require(abs(difference) <= 125_000)
            // The way back takes 10 ms.
            try #require(times[0].at - arrival <= .milliseconds(110), "\(packet.number)")
        }
        let numbers = feedbacks(publisher).map(\.feedback.number)
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 &+ 1 })
        #expect(feedbacks(publisher).allSatisfy { publisher.peer.sentSSRCs.contains($0.feedback.media) })
        #expect(simulation.server.counters.transportFeedbackSent >= UInt64(numbers.count))
        // Some twenty a second.
        #expect((13 * 12...13 * 26).contains(numbers.count), "\(numbers.count)")
    }

    @Test(arguments: UInt64(11)...18)
    func `through loss, jitter and duplicates what is told is what has come`(seed: UInt64) throws {
        let (simulation, publisher) = try publish(
            seed: seed, up: LinkConditions(loss: 0.1, delay: 30_000_000, jitter: 40_000_000, duplicate: 0.02))
        simulation.run(for: .seconds(1))
        let begin = simulation.now
        let before = simulation.server.report(publisher.sessionID)?.counters.packetsReceived ?? 0
        simulation.run(for: .seconds(10))
        let after = simulation.server.report(publisher.sessionID)?.counters.packetsReceived ?? 0
        let end = simulation.now
        simulation.run(for: .seconds(0.5))

        var told: [UInt16: Int64] = [:]
        var missing: Set<UInt16> = []
        for (_, feedback) in feedbacks(publisher) {
            for status in feedback.statuses {
                guard let arrival = status.arrival else {
                    try #require(told[status.number] == nil, "what has come stays")
                    missing.insert(status.number)
                    continue
                }
                try #require(told[status.number, default: arrival] == arrival, "twice, but not the same")
                told[status.number] = arrival
            }
        }
        let sent = publisher.peer.sentNumbers.filter { $0.at > begin && $0.at < end }
        for packet in sent {
            guard let arrival = told[packet.number] else {
                try #require(missing.contains(packet.number))
                continue
            }
            let delay = (arrival - packet.at) % Self.period
            try #require((29_000_000...71_000_000).contains(delay))
        }
        let arrived = sent.count { told[$0.number] != nil }
        #expect(abs(arrived - Int(after - before)) <= 20, "\(arrived) told, \(after - before) came")
        #expect((0.07...0.13).contains(1 - Double(arrived) / Double(sent.count)))
    }

    @Test func `padding is told as well, though no viewer gets it`() throws {
        let (simulation, publisher) = try publish(seed: 21)
        simulation.run(for: .seconds(1))
        simulation.act(publisher) { peer, now in peer.sendPadding(count: 20, at: now) }
        let probes = publisher.peer.sentNumbers.suffix(20).map(\.number)
        simulation.run(for: .milliseconds(200))
        let told = Set(
            feedbacks(publisher).flatMap { $0.feedback.statuses }.filter { $0.arrival != nil }.map(\.number))
        #expect(told.isSuperset(of: probes))
    }

    @Test func `a server that was away tells in several packets, and goes on`() throws {
        let (simulation, publisher) = try publish(seed: 22)
        simulation.run(for: .seconds(1))
        simulation.pauseServer(for: .milliseconds(1500), clockStops: false)
        simulation.run(for: .seconds(1))
        let sent = publisher.peer.sentNumbers.filter { $0.at < simulation.now - .milliseconds(200) }.map(
            \.number)
        let told = Set(
            feedbacks(publisher).flatMap { $0.feedback.statuses }.filter { $0.arrival != nil }.map(\.number))
        #expect(sent.filter { !told.contains($0) }.isEmpty)
    }

    @Test func `nobody else is told`() throws {
        let (simulation, publisher) = try publish(seed: 23, .none)
        simulation.run(for: .seconds(5))
        #expect(feedbacks(publisher).isEmpty)
        #expect(publisher.peer.sentNumbers.isEmpty)
        #expect(simulation.server.counters.transportFeedbackSent == 0)
    }

    @Test func `an estimate is sent each second, and a lower one at once when much is lost`() throws {
        let (simulation, publisher) = try publish(seed: 24, .estimate)
        simulation.run(for: .seconds(10))
        func estimates() -> [(at: Int64, bitrate: UInt64)] {
            publisher.events.compactMap { at, event in
                if case .bitrateEstimated(let bitrate) = event { (at, bitrate) } else { nil }
            }
        }
        #expect((8...11).contains(estimates().count))
        let before = try #require(estimates().last?.bitrate)
        #expect(before > 1_500_000)
        simulation.setLink(publisher, up: LinkConditions(loss: 0.3), down: nil)
        let began = simulation.now
        simulation.run(for: .seconds(2))
        let fall = try #require(estimates().first { $0.at > began && $0.bitrate < before })
        #expect(fall.at - began <= .seconds(1.6))
        #expect(fall.bitrate < 1_200_000)
        #expect(feedbacks(publisher).isEmpty)
    }
}
