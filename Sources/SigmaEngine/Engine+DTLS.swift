package import SigmaCore
internal import SigmaCrypto
package import SigmaWire

extension Engine {
    /// Jobs that may wait at most; above it datagrams are dropped and counted, as a full socket would.
    package static let handshakeQueueLimit = 1024
    /// Jobs of one session that may wait: a client's longest flight and its repetition, with room to spare.
    ///
    /// Without it one peer's datagrams would leave no place for the others'.
    package static let handshakeShare = 32
    private static var alertContentType: UInt8 { 21 }

    /// DTLS is heard from validated paths only, whoever sent a hello first (RFC 8445 §12.1.1).
    mutating func receiveDTLS(_ bytes: RawSpan, on path: Path, now: Instant) {
        guard let slot = route(path) else { return }
        counters.dtlsReceived &+= 1
        if runtimes[slot].isDTLSReleased {
            // The keys are gone with the SSL: an alert cannot be verified, but it is a hint.
            if bytes.octet(at: 0) == Self.alertContentType { slab[slot].agent.shortenConsent(at: now) }
            return
        }
        noteUnproven(received: bytes.byteCount, slot)
        queueHandshake(slot, .datagram(bytes.array(0..<bytes.byteCount), parameters(slot)), on: path)
    }

    func parameters(_ slot: Int) -> HandshakeParameters {
        HandshakeParameters(
            role: slab[slot].current.isDTLSClient ? .client : .server,
            mayOpen: !runtimes[slot].isSecured,
            fingerprints: runtimes[slot].fingerprints)
    }

    mutating func queueHandshake(_ slot: Int, _ step: HandshakeJob.Step, on path: Path) {
        // A lost datagram is sent again; a start comes once in a session and must not be lost.
        if case .datagram = step {
            guard handshakeQueueDepth < Self.handshakeQueueLimit,
                runtimes[slot].handshakeJobs < Self.handshakeShare
            else {
                counters.dtlsOverflow &+= 1
                return
            }
        }
        appendHandshakeJob(slot, step, on: path)
    }

    private mutating func appendHandshakeJob(_ slot: Int, _ step: HandshakeJob.Step, on path: Path) {
        runtimes[slot].hasDTLS = true
        runtimes[slot].handshakeJobs += 1
        handshakeJobs.append(HandshakeJob(handle: handle(slot), path: path, step: step))
    }

    /// The jobs that have come up, for ``Handshakes``; a result is owed for each.
    package mutating func takeHandshakeJobs() -> [HandshakeJob] {
        guard !handshakeJobs.isEmpty else { return [] }
        defer { handshakeJobs.removeAll(keepingCapacity: true) }
        handshakesInFlight += handshakeJobs.count
        return handshakeJobs
    }

    /// Jobs that wait or are being worked on: a measure of overload.
    package var handshakeQueueDepth: Int { handshakeJobs.count + handshakesInFlight }

    /// Takes the result of a job, or of a timer of the handshakes.
    ///
    /// - Parameter isAnswer: Whether it is the result owed for a job.
    package mutating func apply(
        _ result: HandshakeResult, isAnswer: Bool, at now: Instant, into batch: inout DatagramBatch
    ) {
        if isAnswer {
            handshakesInFlight -= 1
            handshakesAnswered &+= 1
            if slab.isCurrent(result.handle) { runtimes[Int(result.handle.slot)].handshakeJobs -= 1 }
        }
        if result.hasProof, slab.isCurrent(result.handle) {
            runtimes[Int(result.handle.slot)].hasProof = true
        }
        for datagram in result.datagrams where mayAnswer(result, with: datagram.count, at: now) {
            if !batch.append(datagram, on: result.path) { counters.outputDropped &+= 1 }
        }
        // The session may have ended while the job was under way.
        guard slab.isCurrent(result.handle) else { return }
        let slot = Int(result.handle.slot)
        switch result.outcome {
        case .inProgress:
            break
        case .secured(let keys):
            secure(slot, keys, at: now, into: &batch)
        case .failed(let error):
            counters.handshakesFailed &+= 1
            runtimes[slot].hasDTLS = false
            end(slot, reason: Self.reason(for: error), at: now, into: &batch)
        case .closedByPeer:
            end(slot, reason: .peerClosed, at: now, into: &batch)
        case .released(let closeNotify):
            runtimes[slot].hasDTLS = false
            runtimes[slot].isDTLSReleased = true
            var cold = slab.cold(slot)
            cold.closeNotify = FixedOctets(closeNotify) ?? FixedOctets()
            slab.commit(cold, slot: slot)
        }
    }

    // MARK: Amplification

    /// Octets out for one octet in, while only a check has spoken for the address: until the peer has signed
    /// over our random, or lost flights could not be repeated to a peer that is there.
    private static var amplificationLimit: Int { 3 }

    mutating func noteUnproven(received count: Int, _ slot: Int) {
        guard !runtimes[slot].isSecured else { return }
        runtimes[slot].unprovenReceived &+= count
    }

    /// Whether `count` octets of handshake may go out; what may not is sent again when more has come in.
    private mutating func mayAnswer(_ result: HandshakeResult, with count: Int, at now: Instant) -> Bool {
        // OpenSSL makes a close_notify only once the handshake is done.
        guard slab.isCurrent(result.handle) else { return result.isGoodbye }
        let slot = Int(result.handle.slot)
        guard hasConsent(slot, on: result.path, at: now) else { return false }
        guard !runtimes[slot].hasProof else { return true }
        let budget = runtimes[slot].unprovenReceived * Self.amplificationLimit
        guard runtimes[slot].unprovenSent + count <= budget else {
            counters.amplificationHeld &+= 1
            return false
        }
        runtimes[slot].unprovenSent += count
        return true
    }

    /// Whether a check came over `path` itself in the last 30 s (RFC 7675 §5.1).
    private func hasConsent(_ slot: Int, on path: Path, at now: Instant) -> Bool {
        guard let last = slab[slot].agent.lastCheck(on: path) else { return false }
        return now - last < ICELiteAgent.consentTimeout
    }

    private static func reason(for error: DTLSError) -> EndReason {
        switch error {
        case .fingerprintMismatch: .fingerprintMismatch
        case .noCommonSRTPProfile, .openSSL: .handshakeFailed
        }
    }

    private mutating func secure(
        _ slot: Int, _ master: SRTPKeys, at now: Instant, into batch: inout DatagramBatch
    ) {
        let keys = SRTPSessionKeys(master)
        do throws(SRTPError) {
            runtimes[slot].sender = try SRTPSender(keys, backend: configuration.srtpBackend)
            // RTP of a viewer is not heard.
            runtimes[slot].receiver = try SRTPReceiver(
                keys, backend: configuration.srtpBackend, opensRTP: runtimes[slot].role == .publisher)
        } catch {
            counters.handshakesFailed &+= 1
            end(slot, reason: .handshakeFailed, at: now, into: &batch)
            return
        }
        var cold = slab.cold(slot)
        cold.srtpProfile = keys.profile.rawValue
        cold.keys = FixedOctets(keys.octets) ?? FixedOctets()
        cold.state = .connected
        slab.commit(cold, slot: slot)
        runtimes[slot].connectDeadline = .never
        runtimes[slot].nextReport = now + .seconds(1)
        counters.handshakesDone &+= 1
        emit(.connected, slot: slot, at: now)
        switch cold.role {
        case .viewer: begin(slot)
        case .publisher:
            takeOver(slot, at: now, into: &batch)
            for viewer in rooms[runtimes[slot].room].viewers { wantKeyframes(for: viewer) }
        }
        receiveEarly(slot, at: now, into: &batch)
    }

    /// close_notify on the path of the media, from the `SSL` or from the record; nothing without consent.
    mutating func sayGoodbye(_ slot: Int, at now: Instant, into batch: inout DatagramBatch) {
        guard let path = slab[slot].agent.mediaPath else { return }
        let isHeard = hasConsent(slot, on: path, at: now + Self.goodbyeDelay)
        if runtimes[slot].hasDTLS {
            // Even above the limit: the connection has to be freed.
            appendHandshakeJob(slot, isHeard ? .close : .forget, on: path)
            return
        }
        let kept = slab[slot].current.closeNotify
        guard isHeard, !kept.isEmpty else { return }
        if !batch.append(kept.octets, on: path) { counters.outputDropped &+= 1 }
    }

    /// What a goodbye may take until it is sent; consent has to last as long.
    private static var goodbyeDelay: Interval { .seconds(1) }
}
