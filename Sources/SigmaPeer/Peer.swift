package import SigmaWire

/// The client of a WebRTC server: a publisher of synthetic media, or a viewer that keeps account of what it
/// gets.
///
/// ```
///  made ──accept(answer)──▶ checking ──nominated──▶ securing ──handshake──▶ connected
///    └──────────────── failure · close · close_notify · consent lost ────────▶ closed
/// ```
///
/// Sans-I/O: datagrams and `now` go in, ``takeOutput()``, ``takeEvents()`` and ``deadline`` come out. After
/// every call drain both. `now` is any monotonic clock in nanoseconds, the same for all calls. It shares no
/// code with the server but the wire formats: DTLS is its own use of OpenSSL, SRTP is libsrtp2's.
package final class Peer {
    package enum State: Equatable, Sendable { case made, checking, securing, connected, closed }

    package let offer: Offer
    package internal(set) var state = State.made
    /// What was received, by SSRC.
    package internal(set) var received: [UInt32: ReceiveStatistics] = [:]
    /// Of `connected`, on the caller's clock.
    package internal(set) var connectedAt: Int64?
    /// What DTLS agreed on; `nil` before it is done.
    package var protectionProfile: ProtectionProfile? { srtp?.profile }
    /// Packets that did not decrypt and whose SSRC is unknown, and datagrams from strangers.
    package internal(set) var strayDatagrams = 0
    /// What the server reported about our streams, the newest last; of the last few minutes.
    package internal(set) var reports: [ReportFromServer] = []
    /// The sender reports we sent, the newest last; of the last few minutes.
    package internal(set) var sentReports: [SentReport] = []
    /// The transport-wide numbers that packets were sent with, the newest last; of the last few minutes.
    package internal(set) var sentNumbers: [SentNumber] = []
    /// What the receiver reports say when the caller counts the media.
    package var suppliedReports: [ReportBlock] = []

    var configuration: PeerConfiguration
    var random: SeededGenerator
    let certificate: PeerCertificate
    var answer: Answer?
    var agent: ICEControllingAgent?
    var dtls: DTLSEndpoint?
    var dtlsDeadline: Int64?
    var srtp: SRTPTransform?
    var source: MediaSource?
    var rtcpDeadline: Int64?
    /// A viewer's, by the SSRC of the media.
    var recoveries: [UInt32: LossRecovery] = [:]
    /// A publisher's, of its video; `nil` while nobody may ask for it.
    var sentPackets: SentPackets?
    /// `nil` where what is sent again is what was sent.
    var rtxStream: OutgoingStream?
    var revealing: SRTPTransform?
    var firSequenceNumber: UInt8 = 0
    var nextTransportNumber: UInt16
    /// Of the last ``advance(to:)``.
    var sendingTime: Int64 = 0
    /// The SSRC this peer's own RTCP comes from.
    let reporterSSRC: UInt32
    var output: [Transmission] = []
    var events: [PeerEvent] = []

    package init(_ configuration: PeerConfiguration) throws(PeerError) {
        self.configuration = configuration
        var random = SeededGenerator(seed: configuration.seed)
        certificate = try PeerCertificate()
        let isPublisher = configuration.role == .publisher
        let ssrcs = (0..<2).map { _ in UInt32(truncatingIfNeeded: random.next()) | 1 }
        reporterSSRC = isPublisher ? ssrcs[0] : UInt32(truncatingIfNeeded: random.next()) | 1
        let repair = configuration.repair
        var rtxSSRC: UInt32?
        if isPublisher, repair.offered == .rtx, repair.announcesRTX {
            rtxSSRC = UInt32(truncatingIfNeeded: random.next()) | 1
        }
        offer = Offer(
            role: configuration.role, ufrag: random.token(8), password: random.token(24),
            fingerprint: certificate.fingerprint, setup: configuration.setup, cname: random.token(16),
            media: [
                Offer.Media(
                    mid: "0", kind: .audio, formats: Offer.audioFormats, ssrc: isPublisher ? ssrcs[0] : nil,
                    bandwidthFeedback: configuration.bandwidthFeedback),
                Offer.Media(
                    mid: "1", kind: .video,
                    formats: Offer.videoFormats(configuration.role, hasRTX: repair.offered == .rtx),
                    ssrc: isPublisher ? ssrcs[1] : nil, bandwidthFeedback: configuration.bandwidthFeedback,
                    hasNACK: repair.offered != .nothing, rtxSSRC: rtxSSRC),
            ])
        // The wrap is met soon. Not drawn at random: what else follows from a seed stays as it is.
        nextTransportNumber = 65_000 + UInt16(truncatingIfNeeded: configuration.seed % 500)
        self.random = random
    }

    // MARK: Inputs

    /// Takes the server's answer and begins to check its candidates.
    package func accept(_ answer: Answer, at now: Int64) {
        guard state == .made else { return }
        self.answer = answer
        var agent = ICEControllingAgent(
            local: .init(ufrag: offer.ufrag, password: offer.password),
            remote: .init(ufrag: answer.ufrag, password: answer.password),
            random: SeededGenerator(seed: random.next()))
        agent.start(from: configuration.localAddress, to: answer.candidates, at: now)
        self.agent = agent
        state = .checking
        do throws(PeerError) {
            dtls = try DTLSEndpoint(
                isClient: !answer.serverIsActive,
                certificate: configuration.showsCertificate ? certificate : nil,
                profiles: configuration.profiles)
        } catch {
            fail(error)
        }
        drainAgent(at: now)
    }

    /// - Parameter source: Where the datagram came from; only the server's candidates are heard.
    package func handle(datagram: [UInt8], from source: Address, at now: Int64) {
        guard state != .closed, state != .made, agent?.knows(source) == true else {
            strayDatagrams += 1
            return
        }
        let path = Path(local: configuration.localAddress, remote: source)
        switch DatagramKind(unsafe datagram.span.bytes) {
        case .stun:
            if agent?.handle(datagram, on: path, at: now) != true { strayDatagrams += 1 }
            drainAgent(at: now)
        case .dtls:
            // Before it begins itself a client waits for nothing.
            guard state != .checking || answer?.serverIsActive == true else {
                strayDatagrams += 1
                return
            }
            driveDTLS(datagram, at: now)
        case .rtp: receiveRTP(datagram, at: now)
        case .rtcp: receiveRTCP(datagram, at: now)
        case .unknown: strayDatagrams += 1
        }
    }

    /// Does what is due.
    package func advance(to now: Int64) {
        guard state != .closed, state != .made else { return }
        sendingTime = now
        agent?.advance(to: now)
        drainAgent(at: now)
        if let dtlsDeadline, dtlsDeadline <= now { retransmitDTLS(at: now) }
        guard state == .connected else { return }
        sendDueMedia(at: now)
        if let repairDeadline, repairDeadline <= now { askForLosses(at: now) }
        if let rtcpDeadline, rtcpDeadline <= now { sendReports(at: now) }
    }

    /// When ``advance(to:)`` is next due; `nil` when nothing is.
    package var deadline: Int64? {
        guard state != .closed else { return nil }
        var earliest = Int64.max
        if let due = agent?.deadline { earliest = min(earliest, due) }
        if let due = dtlsDeadline { earliest = min(earliest, due) }
        if let due = source?.deadline { earliest = min(earliest, due) }
        if let due = rtcpDeadline { earliest = min(earliest, due) }
        if let due = repairDeadline { earliest = min(earliest, due) }
        return earliest == .max ? nil : earliest
    }

    /// The host moved: from now on datagrams leave from `address`; ICE nominates the path from there.
    package func changeLocalAddress(_ address: Address, at now: Int64) {
        configuration.localAddress = address
        agent?.changeLocalAddress(address, at: now)
        drainAgent(at: now)
    }

    /// Ends: BYE for what was sent, then close_notify.
    package func close(at now: Int64) {
        guard state != .closed else { return }
        if state == .connected { sendBye() }
        dtls?.close()
        flushDTLS()
        end()
    }

    // MARK: Outputs

    package func takeOutput() -> [Transmission] {
        defer { output = [] }
        return output
    }

    package func takeEvents() -> [PeerEvent] {
        defer { events = [] }
        return events
    }

    // MARK: ICE and DTLS

    func drainAgent(at now: Int64) {
        guard let transmissions = agent?.takeOutput() else { return }
        output += transmissions
        for event in agent?.takeEvents() ?? [] {
            switch event {
            case .pathSelected(let path):
                events.append(.pathSelected(path))
                guard state == .checking else { continue }
                state = .securing
                // As the server nothing happens before the ClientHello.
                driveDTLS(nil, at: now)
            case .failed: fail(.noPath)
            case .consentExpired:
                events.append(.consentExpired)
                end()
            }
        }
    }

    private func driveDTLS(_ datagram: [UInt8]?, at now: Int64) {
        guard let dtls else { return }
        do throws(PeerError) {
            let wasEstablished = dtls.isEstablished
            let progress = try dtls.handle(datagram)
            if dtls.isEstablished, !wasEstablished { try secured(dtls, at: now) }
            flushDTLS()
            if progress == .closedByServer {
                events.append(.closedByServer)
                end()
            }
            dtlsDeadline = dtls.timeUntilRetransmission.map { now + $0 }
        } catch {
            flushDTLS()
            fail(error)
        }
    }

    private func retransmitDTLS(at now: Int64) {
        guard let dtls else { return }
        do throws(PeerError) {
            try dtls.retransmit()
            flushDTLS()
            dtlsDeadline = dtls.timeUntilRetransmission.map { now + $0 }
        } catch {
            fail(error)
        }
    }

    private func flushDTLS() {
        let datagrams = dtls?.takeOutput() ?? []
        guard let path = mediaPath else { return }
        output += datagrams.map { Transmission(path: path, bytes: $0) }
    }

    private func secured(_ dtls: DTLSEndpoint, at now: Int64) throws(PeerError) {
        guard let answer, dtls.remoteFingerprint == answer.fingerprint else { throw .fingerprintMismatch }
        let srtp = try SRTPTransform(dtls.exportKeys())
        self.srtp = srtp
        state = .connected
        connectedAt = now
        events.append(.connected(srtp.profile))
        rtcpDeadline = now + Self.reportInterval
        if configuration.role == .publisher { startSource(at: now) }
    }

    private func fail(_ error: PeerError) {
        events.append(.failed(error))
        end()
    }

    private func end() {
        state = .closed
        dtlsDeadline = nil
        rtcpDeadline = nil
        source = nil
        recoveries = [:]
        sentPackets = nil
    }

    /// The nominated path, before that the first candidate: where a server that is the DTLS client may
    /// already be answered.
    var mediaPath: Path? {
        if let selected = agent?.selected { return selected }
        guard let remote = answer?.candidates.first else { return nil }
        return Path(local: configuration.localAddress, remote: remote)
    }
}
