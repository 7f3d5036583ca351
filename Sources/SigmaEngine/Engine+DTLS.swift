package import SigmaCore
internal import SigmaCrypto
package import SigmaWire

/// What waits for the handshake step: it costs most of a millisecond, so it stands in line behind media.
enum HandshakeJob {
    /// We are the client and have a path now.
    case start(SessionHandle, Path)
    case datagram(SessionHandle, Path, [UInt8])
}

extension Engine {
    private static var handshakeQueueLimit: Int { 1024 }
    /// The `SSL` is kept this long after the handshake, to send its last flight again.
    private static var dtlsLinger: Interval { .seconds(10) }
    private static var alertContentType: UInt8 { 21 }

    /// DTLS is heard from validated paths only, whoever sent a hello first (RFC 8445 §12.1.1).
    mutating func receiveDTLS(_ bytes: RawSpan, on path: Path, now: Instant) {
        guard let slot = route(path) else { return }
        counters.dtlsReceived &+= 1
        let cold = slab.cold(slot)
        if cold.srtpProfile != 0, runtimes[slot].dtls == nil {
            // The keys are gone with the SSL: an alert cannot be verified, but it is a hint.
            if bytes.octet(at: 0) == Self.alertContentType { slab[slot].agent.shortenConsent(at: now) }
            return
        }
        queueHandshake(.datagram(handle(slot), path, bytes.array(0..<bytes.byteCount)))
    }

    mutating func queueHandshake(_ job: HandshakeJob) {
        guard handshakes.count < Self.handshakeQueueLimit else {
            counters.dtlsOverflow &+= 1
            return
        }
        handshakes.append(job)
    }

    package var handshakeQueueDepth: Int { handshakes.count }

    /// Works off at most `limit` waiting handshake steps.
    ///
    /// - Returns: Whether more are waiting.
    package mutating func runHandshakes(
        limit: Int = 8, at now: Instant, into batch: inout DatagramBatch
    ) -> Bool {
        let count = min(limit, handshakes.count)
        guard count > 0 else { return false }
        let jobs = Array(handshakes[0..<count])
        handshakes.removeFirst(count)
        for job in jobs {
            switch job {
            case .start(let handle, let path):
                guard slab.isCurrent(handle) else { continue }
                runHandshake(Int(handle.slot), nil, on: path, at: now, into: &batch)
            case .datagram(let handle, let path, let datagram):
                guard slab.isCurrent(handle) else { continue }
                runHandshake(Int(handle.slot), datagram, on: path, at: now, into: &batch)
            }
        }
        return !handshakes.isEmpty
    }

    private mutating func runHandshake(
        _ slot: Int, _ datagram: [UInt8]?, on path: Path, at now: Instant, into batch: inout DatagramBatch
    ) {
        let cold = slab.cold(slot)
        let role: DTLSRole = cold.isDTLSClient ? .client : .server
        var end: EndReason?
        do throws(DTLSError) {
            if runtimes[slot].dtls == nil { runtimes[slot].dtls = try DTLSConnection(context, role: role) }
            let step =
                if let datagram {
                    try runtimes[slot].dtls?.receive(datagram)
                } else {
                    try runtimes[slot].dtls?.start()
                }
            switch step {
            case .established where cold.srtpProfile == 0:
                try secure(slot, role: role, at: now)
            case .closedByPeer:
                end = .peerClosed
            case .established, .inProgress, nil:
                break
            }
        } catch {
            counters.handshakesFailed &+= 1
            end = Self.reason(for: error)
            runtimes[slot].dtls?.close()
        }
        flushDTLS(slot, on: path, at: now, into: &batch)
        if let end { self.end(slot, reason: end, at: now, into: &batch) }
    }

    private static func reason(for error: DTLSError) -> EndReason {
        switch error {
        case .fingerprintMismatch, .noCertificate: .fingerprintMismatch
        case .noCommonSRTPProfile, .openSSL: .handshakeFailed
        }
    }

    /// After the handshake: makes sure that it is the announced peer, and takes the keys.
    private mutating func secure(_ slot: Int, role: DTLSRole, at now: Instant) throws(DTLSError) {
        try runtimes[slot].dtls?.verifyPeer(runtimes[slot].fingerprints)
        guard let keys = try runtimes[slot].dtls?.exportKeys(role: role) else { return }
        do throws(SRTPError) {
            runtimes[slot].srtp = try SRTPSession(keys)
        } catch {
            throw .noCommonSRTPProfile
        }
        var cold = slab.cold(slot)
        cold.srtpProfile = keys.profile.rawValue
        cold.state = .connected
        slab.commit(cold, slot: slot)
        runtimes[slot].connectDeadline = .never
        runtimes[slot].dtlsRelease = now + Self.dtlsLinger
        runtimes[slot].nextReport = now + .seconds(1)
        counters.handshakesDone &+= 1
        emit(.connected, slot: slot, at: now)
        switch cold.role {
        case .viewer: wantKeyframes(for: slot)
        case .publisher: for viewer in rooms[runtimes[slot].room].viewers { wantKeyframes(for: viewer) }
        }
    }

    private mutating func flushDTLS(
        _ slot: Int, on path: Path, at now: Instant, into batch: inout DatagramBatch
    ) {
        guard let output = runtimes[slot].dtls?.takeOutput() else { return }
        for datagram in output where !batch.append(datagram, on: path) { counters.outputDropped &+= 1 }
        let left = runtimes[slot].dtls?.timeLeft
        runtimes[slot].dtlsDeadline = left.map { now + Interval(nanoseconds: max($0, 1_000_000)) } ?? .never
    }

    // MARK: Timers

    mutating func advanceDTLS(_ slot: Int, to now: Instant, into batch: inout DatagramBatch) {
        if runtimes[slot].dtlsRelease <= now {
            releaseDTLS(slot)
            return
        }
        guard runtimes[slot].dtlsDeadline <= now, let path = slab[slot].agent.mediaPath else { return }
        do throws(DTLSError) {
            try runtimes[slot].dtls?.retransmit()
            flushDTLS(slot, on: path, at: now, into: &batch)
        } catch {
            counters.handshakesFailed &+= 1
            end(slot, reason: .handshakeFailed, at: now, into: &batch)
        }
    }

    /// Keeps the close_notify for later and frees the rest, 74 KiB a session.
    private mutating func releaseDTLS(_ slot: Int) {
        runtimes[slot].dtlsRelease = .never
        runtimes[slot].dtlsDeadline = .never
        runtimes[slot].dtls?.close()
        let goodbye = runtimes[slot].dtls?.takeOutput().last ?? []
        runtimes[slot].dtls = nil
        var cold = slab.cold(slot)
        cold.closeNotify = FixedOctets(goodbye) ?? FixedOctets()
        slab.commit(cold, slot: slot)
    }

    /// close_notify on the path of the media, from the `SSL` or from the record.
    mutating func sayGoodbye(_ slot: Int, into batch: inout DatagramBatch) {
        guard let path = slab[slot].agent.mediaPath else { return }
        runtimes[slot].dtls?.close()
        var output = runtimes[slot].dtls?.takeOutput() ?? []
        let kept = slab.cold(slot).closeNotify
        if !kept.isEmpty { output.append(kept.octets) }
        for datagram in output where !batch.append(datagram, on: path) { counters.outputDropped &+= 1 }
    }
}
