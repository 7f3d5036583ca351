internal import SigmaCore
internal import SigmaPeer
internal import SigmaWire

extension Scenario {
    private enum Action: CaseIterable {
        case viewerJoins, publisherJoins
        case peerCloses, serverCloses, publisherLeaves, fallsSilent
        case roams, rebinds, nominatesAgain, checksFromTwoNetworks
        case asksForKeyframes
        case encoderRestarts, numbersJump, mediaPauses, mediaResumes, probesWithPadding
        case attacks, linkChanges, clockJumps, publisherClockJumps, serverPauses, paceChanges
        case viewerPaused, viewerResumed
    }

    /// One thing happens.
    func act() {
        let action = Action.allCases.randomElement(using: &random) ?? .attacks
        story.append("\(Double(simulation.now) / 1e9) s: \(action)")
        switch action {
        case .viewerJoins: join(.viewer)
        case .publisherJoins: join(.publisher)
        case .peerCloses: with(anyone()) { peer, now in peer.close(at: now) }
        case .serverCloses: if let client = anyone() { try? simulation.close(client) }
        case .publisherLeaves: with(anyone(.publisher)) { peer, _ in peer.leave() }
        case .fallsSilent: fallSilent()
        case .roams: if let client = mover() { simulation.move(client, to: freshAddress()) }
        case .rebinds: if let client = mover() { simulation.rebind(client, to: freshAddress()) }
        case .nominatesAgain: nominateAgain()
        case .checksFromTwoNetworks: checkFromTwoNetworks()
        case .asksForKeyframes: askForKeyframes()
        case .encoderRestarts: with(anyone(.publisher)) { peer, _ in peer.restartEncoder() }
        case .numbersJump: jumpNumbers()
        case .mediaPauses: with(anyone(.publisher)) { peer, _ in peer.pauseMedia() }
        case .mediaResumes: with(anyone(.publisher)) { peer, now in peer.resumeMedia(at: now) }
        case .probesWithPadding: probe()
        case .attacks: attack()
        case .linkChanges: changeLink()
        case .clockJumps: simulation.server.stepWallClock(by: clockStep())
        case .publisherClockJumps: jumpPublisherClock()
        case .serverPauses: pauseServer()
        case .paceChanges: changePace()
        case .viewerPaused: setPaused(true)
        case .viewerResumed: setPaused(false)
        }
    }

    private func with(_ client: Simulation.Client?, _ body: (Peer, Int64) -> Void) {
        if let client { simulation.act(client, body) }
    }

    /// One whose path may lose something.
    private func mover() -> Simulation.Client? { anyone(isClean ? .viewer : nil) }

    private func fallSilent() {
        guard let client = mover() else { return }
        simulation.setLink(client, up: .cut, down: random.chance(0.5) ? .cut : nil)
    }

    private func changeLink() {
        guard let client = anyone() else { return }
        let isLossless = isClean && client.peer.offer.role == .publisher
        simulation.setLink(
            client, up: isLossless || random.chance(0.2) ? nil : conditions(),
            down: random.chance(0.2) ? nil : conditions())
    }

    /// Checks with and without USE-CANDIDATE, in any order (RFC 8445 §8.1.1).
    private func nominateAgain() {
        let order = (0..<Int.random(in: 1...12, using: &random)).map { _ in random.chance(0.5) }
        with(anyone()) { peer, now in
            for nominates in order { peer.sendCheck(nominates: nominates, at: now) }
        }
    }

    private func askForKeyframes() {
        let storm = (0..<Int.random(in: 1...30, using: &random)).map { _ in random.chance(0.5) }
        with(anyone(.viewer)) { peer, _ in
            for isPicture in storm { peer.requestKeyframe(isPicture ? .pictureLoss : .fullIntra) }
        }
    }

    private func jumpNumbers() {
        guard let client = anyone(.publisher) else { return }
        // Small ones are losses to everyone else; large ones a restart (RFC 3550 A.1). From 2^15 on they lead
        // back behind the replay window, where no sender can go (RFC 3711 §3.3.2).
        let isSmall = !isClean && random.chance(0.5)
        let count =
            isSmall ? UInt16.random(in: 1...50, using: &random) : .random(in: 4000...30000, using: &random)
        with(client) { peer, _ in peer.jumpSequenceNumbers(by: count) }
    }

    private func probe() {
        let count = Int.random(in: 1...8, using: &random)
        with(anyone(.publisher)) { peer, now in peer.sendPadding(count: count, at: now) }
    }

    /// A peer on two networks that cannot decide between them (RFC 8445 §8.1.1).
    private func checkFromTwoNetworks() {
        guard let client = mover() else { return }
        let order = (0..<Int.random(in: 2...12, using: &random)).map { _ in
            (isSecond: random.chance(0.5), nominates: random.chance(0.5))
        }
        simulation.check(client, from: freshAddress(), order)
    }

    /// Up to an hour either way, ns.
    private func clockStep() -> Int64 {
        Int64.random(in: -3_600_000_000_000...3_600_000_000_000, using: &random)
    }

    private func jumpPublisherClock() {
        let step = clockStep()
        with(anyone(.publisher)) { peer, _ in peer.stepWallClock(by: step) }
    }

    /// Short of time for a moment, or suspended for longer than consent lasts.
    private func pauseServer() {
        // What does not fit the socket's buffer is lost, so a clean run has short ones.
        let longest: Int64 = isClean || random.chance(0.8) ? 300_000_000 : 40_000_000_000
        simulation.pauseServer(
            for: Int64.random(in: 1_000_000...longest, using: &random), clockStops: random.chance(0.5))
    }

    /// Slices of one datagram or of many; the server keeps up with them, or not.
    private func changePace() {
        let slice = [.max, 1, Int.random(in: 2...9, using: &random)].randomElement(using: &random) ?? .max
        let interval = random.chance(0.5) ? 0 : Int64.random(in: 100_000...8_000_000, using: &random)
        simulation.server.pace = SimulatedServer.Pace(slice: slice, interval: interval)
    }

    private func setPaused(_ isPaused: Bool) {
        guard let client = anyone(.viewer) else { return }
        try? simulation.server.setPaused(isPaused, client.sessionID)
    }

    /// Damaged copies of what went before, from strangers and in the name of peers.
    private func attack() {
        let seen = simulation.firstUplink
        guard !seen.isEmpty else { return }
        let stranger = Address(v4: 0xC633_6400 | UInt32.random(in: 1...9, using: &random), port: 666)
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            let original = seen[Int.random(in: 0..<seen.count, using: &random)]
            let bytes = mutator.mutate(original)
            guard !Self.isReplay(bytes, of: original) else { continue }
            let victim = random.chance(0.5) ? anyone() : nil
            simulation.inject(bytes, from: victim?.address ?? stranger)
        }
    }

    /// Whether MESSAGE-INTEGRITY would still be right: it covers neither the length nor FINGERPRINT
    /// (RFC 8489 §14.5), so such a copy is a replay.
    private static func isReplay(_ bytes: [UInt8], of original: [UInt8]) -> Bool {
        if bytes == original { return true }
        guard original.count > 28, original[0] < 4 else { return false }
        let covered = 4..<(original.count - 8)
        return bytes.count >= covered.upperBound && bytes[0..<2] == original[0..<2]
            && bytes[covered] == original[covered]
    }
}
