import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import Testing

/// Where a viewer stands in what it plays: what a publisher captured, and under which timestamp it came.
struct PlayedMoment {
    private let video: ReceiveStatistics.Capture
    private let audio: ReceiveStatistics.Capture

    init(_ viewer: Simulation.Client) throws {
        video = try #require(viewer.received(.video)?.lastCapture)
        audio = try #require(viewer.received(.audio)?.lastCapture)
    }

    /// By how much more the picture was moved than the sound since `before`, ms.
    func pictureMoved(againstSoundSince before: PlayedMoment) -> Double {
        func moved(_ old: ReceiveStatistics.Capture, _ new: ReceiveStatistics.Capture, _ rate: Double)
            -> Double
        {
            Double(new.rtp &- old.rtp) / rate - Double(new.time - old.time) / 1e6
        }
        return moved(before.video, video, 90) - moved(before.audio, audio, 48)
    }
}

extension Simulation {
    /// Who has a room by the engines, and by the control thread; these must be the same.
    func publishers(room: UInt64 = 1) -> (engines: [SessionID], directory: [SessionID]) {
        func holders(_ sessions: [SessionSummary]) -> [SessionID] {
            sessions.filter { $0.hasRoom && $0.roomID.rawValue == room }.map(\.sessionID)
        }
        return (holders(server.sessions), holders(server.snapshot))
    }

    func hasRoom(_ client: Client, room: UInt64 = 1) -> Bool {
        let (engines, directory) = publishers(room: room)
        return engines == [client.sessionID] && directory == [client.sessionID]
    }
}

@Suite("Taking over: at once from a publisher that is silent, else when DTLS is up")
struct TakeoverTests {
    private func silence(_ client: Simulation.Client, _ simulation: Simulation) {
        simulation.setLink(client, up: .cut, down: nil)
    }

    @Test(arguments: [1, 3], [60, 61, 62] as [UInt64])
    func `a publisher that was silent for 2 s gives way at once, and is told so`(
        shards: Int, seed: UInt64
    ) throws {
        let simulation = try Simulation(seed: seed, shards: shards)
        let old = try simulation.join(.publisher)
        let viewers = try (0..<3).map { _ in try simulation.join(.viewer) }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        silence(old, simulation)
        simulation.run(for: .seconds(2.1))
        let moments = try viewers.map { try PlayedMoment($0) }
        let new = try simulation.join(.publisher, takesOver: true)
        #expect(simulation.endings(of: old) == [.replaced])
        // From the start, and not only when it is connected.
        #expect(simulation.hasRoom(new))
        #expect(simulation.server.snapshot.first { $0.sessionID == new.sessionID }?.state == .connecting)
        #expect(simulation.connectAll(but: .closed))
        simulation.run(for: .seconds(3))
        #expect(old.firstTime { $0 == .closedByServer } != nil)
        #expect(simulation.hasRoom(new))
        #expect(simulation.server.counters.takeovers == 1)
        for (viewer, moment) in zip(viewers, moments) {
            let video = try #require(viewer.received(.video))
            #expect(viewer.peer.received.count == 2)
            #expect(video.gaps == 0 && video.timestampsBackwards == 0 && viewer.decryptFailures == 0)
            #expect(abs(try PlayedMoment(viewer).pictureMoved(againstSoundSince: moment)) < 10)
        }
        #expect(simulation.reusedIndices == 0 && simulation.violations.isEmpty)
    }

    @Test(arguments: [1, 3])
    func `one that speaks has the room until the other's DTLS is up`(shards: Int) throws {
        let simulation = try Simulation(seed: 63, shards: shards)
        let old = try simulation.join(.publisher)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        let new = try simulation.join(.publisher, takesOver: true)
        #expect(simulation.hasRoom(old) && simulation.endings(of: old).isEmpty)
        #expect(simulation.connectAll(but: .closed))
        simulation.run(for: .milliseconds(100))
        #expect(simulation.hasRoom(new) && simulation.endings(of: old) == [.replaced])
    }

    @Test func `less than 2 s of silence are a bad network`() throws {
        let simulation = try Simulation(seed: 64)
        let old = try simulation.join(.publisher)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        silence(old, simulation)
        simulation.run(for: .seconds(1.9))
        let new = try simulation.join(.publisher, takesOver: true)
        silence(new, simulation)
        // And that it goes on to be silent ends nothing before the other is there.
        simulation.run(for: .seconds(5))
        #expect(simulation.hasRoom(old) && simulation.endings(of: old).isEmpty)
        // Who comes after that finds it silent.
        let third = try simulation.join(.publisher, takesOver: true)
        #expect(simulation.hasRoom(third) && simulation.endings(of: old) == [.replaced])
        #expect(simulation.connectAll(but: .closed) == false)
        #expect(simulation.hasRoom(third))
    }

    @Test func `checks alone keep a room, as the media of one that is muted does not come`() throws {
        let simulation = try Simulation(seed: 65)
        let old = try simulation.join(.publisher) { $0.makesMedia = false }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(20))
        // Checks come every 4 to 6 s (RFC 7675 §5.1): up to 2 s after one it is not silent.
        let last = simulation.now
        #expect(
            simulation.run(upTo: .seconds(7)) {
                simulation.server.counters.stunAnswered > 0 && simulation.now > last
            })
        let answered = simulation.server.counters.stunAnswered
        #expect(simulation.run(upTo: .seconds(7)) { simulation.server.counters.stunAnswered > answered })
        simulation.run(for: .seconds(1.5))
        _ = try simulation.join(.publisher, takesOver: true)
        #expect(simulation.endings(of: old).isEmpty && simulation.hasRoom(old))
    }

    @Test func `one that never came gives way after 2 s`() throws {
        let simulation = try Simulation(seed: 66)
        let old = try simulation.join(.publisher)
        silence(old, simulation)
        simulation.run(for: .milliseconds(100))
        let second = try simulation.join(.publisher, takesOver: true)
        silence(second, simulation)
        #expect(simulation.endings(of: old).isEmpty)
        simulation.run(for: .seconds(2))
        let third = try simulation.join(.publisher, takesOver: true)
        #expect(simulation.endings(of: old) == [.replaced] && simulation.hasRoom(third))
    }

    @Test func `without the wish to take over a silent publisher keeps its room`() throws {
        let simulation = try Simulation(seed: 67)
        let old = try simulation.join(.publisher)
        #expect(simulation.connectAll())
        silence(old, simulation)
        simulation.run(for: .seconds(5))
        #expect(throws: CommandError.roomOccupied) { _ = try simulation.join(.publisher) }
        #expect(simulation.hasRoom(old))
    }

    /// Publishers that come, fall silent, speak again and go, in two rooms, in any order.
    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func `engines and control thread agree who has a room, whatever happens`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let simulation = try Simulation(seed: seed, handshakeLatency: 20_000_000, shards: Int(seed % 3) + 1)
        var publishers: [Simulation.Client] = []
        for _ in 0..<60 {
            let publisher = publishers.randomElement(using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                let room = UInt64.random(in: 1...2, using: &random)
                let takesOver = Bool.random(using: &random)
                if let new = try? simulation.join(.publisher, room: room, takesOver: takesOver) {
                    publishers.append(new)
                }
            case 4: _ = try simulation.join(.viewer, room: UInt64.random(in: 1...2, using: &random))
            case 5, 6: if let publisher { silence(publisher, simulation) }
            case 7: if let publisher { simulation.setLink(publisher, up: nil, down: nil) }
            case 8: if let publisher { try? simulation.close(publisher) }
            default: break
            }
            for room in 1...2 as ClosedRange<UInt64> {
                let (engines, directory) = simulation.publishers(room: room)
                #expect(engines == directory && engines.count <= 1)
            }
            simulation.run(for: Int64.random(in: 0...1_500_000_000, using: &random))
        }
        #expect(simulation.violations.isEmpty && simulation.reusedIndices == 0)
    }
}
