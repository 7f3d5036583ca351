internal import SigmaWire

extension Peer {
    func receiveRTP(_ datagram: [UInt8], at now: Int64) {
        guard let srtp, let ssrc = Self.ssrc(of: datagram, at: 8) else {
            strayDatagrams += 1
            return
        }
        do throws(SRTPTransform.Refusal) {
            let bytes = try srtp.unprotectRTP(datagram)
            guard let packet = try? RTPPacketView(unsafe bytes.span.bytes) else {
                strayDatagrams += 1
                return
            }
            note(packet, bytes, at: now)
        } catch {
            noteRefusal(error, ssrc)
        }
    }

    private static func ssrc(of datagram: [UInt8], at offset: Int) -> UInt32? {
        guard datagram.count >= offset + 4 else { return nil }
        return datagram[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private func noteRefusal(_ refusal: SRTPTransform.Refusal, _ ssrc: UInt32) {
        guard received[ssrc] != nil else {
            strayDatagrams += 1
            return
        }
        switch refusal {
        case .replayed: received[ssrc]?.duplicates += 1
        case .failed: received[ssrc]?.decryptFailures += 1
        }
    }

    private func note(_ packet: borrowing RTPPacketView, _ bytes: [UInt8], at now: Int64) {
        let payloadType = packet.payloadType
        let ssrc = packet.ssrc.rawValue
        if let line = answer?.media.first(where: { $0.isAccepted && $0.payloadType == payloadType }) {
            let packet = Received(
                ssrc: ssrc, kind: line.kind, number: packet.sequenceNumber, timestamp: packet.timestamp,
                marker: packet.marker, payload: bytes[packet.payloadRange], way: .original)
            note(packet, at: now)
        } else if let line = repairedLine(by: ssrc, payloadType) {
            receiveRTX(packet, bytes, of: line, at: now)
        } else {
            strayDatagrams += 1
        }
    }

    /// A packet of media, whichever way it came.
    struct Received {
        let ssrc: UInt32
        let kind: MediaKind
        let number: UInt16
        let timestamp: UInt32
        let marker: Bool
        let payload: ArraySlice<UInt8>
        let way: LossRecovery.Way
    }

    func note(_ packet: Received, at now: Int64) {
        let isNew = received[packet.ssrc] == nil
        var statistics = received[packet.ssrc] ?? ReceiveStatistics(ssrc: packet.ssrc, kind: packet.kind)
        // One wrap above 0, so that packets before the first have an index too.
        let near = isNew ? UInt64(packet.number) + 0x1_0000 : statistics.highest
        let index = SequenceNumber.extend(packet.number, near: near)
        let startsKeyframe = packet.kind == .video && Self.startsIDR(packet.payload)
        let pattern =
            packet.kind == .video
            ? SyntheticVideo.pattern(in: packet.payload) : SyntheticAudio.pattern(in: packet.payload)
        let hadFrame = statistics.firstFrameAt != nil
        let isFirstTime = statistics.note(
            .init(
                index: index, timestamp: packet.timestamp, marker: packet.marker, payload: packet.payload,
                startsKeyframe: startsKeyframe, way: packet.way, at: now), pattern)
        if isFirstTime { statistics.note(pattern, timestamp: packet.timestamp, at: now) }
        received[packet.ssrc] = statistics
        if !hadFrame, statistics.firstFrameAt != nil { events.append(.firstFrame(ssrc: packet.ssrc)) }
        guard isFirstTime else { return }
        noteForRepair(
            .init(
                index: index, timestamp: packet.timestamp, marker: packet.marker,
                startsKeyframe: startsKeyframe, way: packet.way, at: now), packet.ssrc)
    }

    private static func startsIDR(_ payload: ArraySlice<UInt8>) -> Bool {
        unsafe payload.withUnsafeBytes { octets in
            let octets = unsafe RawSpan(_unsafeBytes: octets)
            return (try? H264Payload(octets))?.startsIDR ?? false
        }
    }

    func receiveRTCP(_ datagram: [UInt8], at now: Int64) {
        guard let bytes = try? srtp?.unprotectRTCP(datagram),
            let compound = try? RTCPCompoundView(unsafe bytes.span.bytes)
        else {
            strayDatagrams += 1
            return
        }
        var packets = compound.packets
        while let packet = packets.next(in: compound) {
            if packet.isReport { noteReports(packet, compound, at: now) }
            noteBandwidth(packet, compound)
            if let info = SenderInfo(packet, in: compound) {
                note(info, at: now)
            } else if packet.isPictureLossIndication {
                FeedbackSources(packet, in: compound).map { keyframeRequested($0.media, .pictureLoss) }
            } else if packet.isGenericNACK {
                receiveNACK(packet, compound, at: now)
            } else if packet.isFullIntraRequest {
                var index = 0
                while let entry = FIREntry(index, of: packet, in: compound) {
                    keyframeRequested(entry.ssrc, .fullIntra)
                    index += 1
                }
            } else {
                var index = 0
                while let source = packet.leavingSource(index, in: compound) {
                    received[source.rawValue]?.isGone = true
                    events.append(.bye(ssrc: source.rawValue))
                    index += 1
                }
            }
        }
    }

    private func noteReports(_ packet: RTCPPacket, _ compound: borrowing RTCPCompoundView, at now: Int64) {
        var index = 0
        while let block = ReportBlock(index, of: packet, in: compound) {
            reports = reports.suffix(Self.reportsKept)
            reports.append(ReportFromServer(block: block, receivedAt: now))
            index += 1
        }
    }

    private func note(_ info: SenderInfo, at now: Int64) {
        received[info.ssrc.rawValue]?.senderReports += 1
        received[info.ssrc.rawValue]?.lastSenderReport = .init(
            ntp: info.ntp.rawValue, rtp: info.rtpTimestamp, packets: info.packetCount, receivedAt: now)
    }

    // MARK: What a receiver sends

    /// Whether the next ``advance(to:)`` sends reports: ``suppliedReports`` should be fresh.
    package func isReportDue(at now: Int64) -> Bool { rtcpDeadline.map { $0 <= now } ?? false }

    func sendReports(at now: Int64) {
        rtcpDeadline = now + Self.reportInterval
        switch configuration.role {
        case .publisher: sendSenderReports(at: now)
        case .viewer: sendReceiverReport(at: now)
        }
    }

    /// RFC 3550 §6.4.2, with a CNAME (§6.1).
    private func sendReceiverReport(at now: Int64) {
        let blocks =
            configuration.countsMedia
            ? received.keys.sorted().prefix(8).compactMap { ssrc in reportBlock(ssrc, at: now) }
            : suppliedReports
        let cname = Array(offer.cname.utf8)
        let reporter = SSRC(rawValue: reporterSSRC)
        sendRTCP { writer, bytes in
            writer.appendReceiverReport(from: reporter, blocks, in: &bytes)
            writer.appendCNAME(cname, for: reporter, in: &bytes)
        }
    }

    private func reportBlock(_ ssrc: UInt32, at now: Int64) -> ReportBlock? {
        guard let loss = received[ssrc]?.takeLoss(), let statistics = received[ssrc] else { return nil }
        let report = statistics.lastSenderReport
        let delay = report.map { Int128(now - $0.receivedAt) * 65_536 / 1_000_000_000 } ?? 0
        return ReportBlock(
            ssrc: SSRC(rawValue: ssrc), fractionLost: loss.fraction, cumulativeLost: loss.cumulative,
            highestSequenceNumber: UInt32(truncatingIfNeeded: statistics.highest &- 0x1_0000),
            jitter: statistics.jitter, lastSR: report.map { NTPTimestamp(rawValue: $0.ntp).middle } ?? 0,
            delaySinceLastSR: UInt32(truncatingIfNeeded: delay))
    }

    /// Asks for a keyframe of every video stream received, or announced by the answer.
    package func requestKeyframe(_ request: KeyframeRequest = .pictureLoss) {
        let announced = answer?.media.filter { $0.kind == .video }.compactMap(\.ssrc) ?? []
        let seen = received.values.filter { $0.kind == .video && !$0.isGone }.map(\.ssrc)
        for ssrc in Set(announced + seen).sorted().map(SSRC.init(rawValue:)) {
            firSequenceNumber &+= 1
            let (reporter, number) = (SSRC(rawValue: reporterSSRC), firSequenceNumber)
            sendRTCP { writer, bytes in
                switch request {
                case .pictureLoss: writer.appendPictureLossIndication(from: reporter, to: ssrc, in: &bytes)
                case .fullIntra:
                    writer.appendFullIntraRequest(
                        from: reporter, to: ssrc, sequenceNumber: number, in: &bytes)
                }
            }
        }
    }
}
