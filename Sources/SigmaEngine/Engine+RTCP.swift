internal import SigmaCore
internal import SigmaCrypto
internal import SigmaWire

extension Engine {
    /// Sender reports end when the source has been silent this long.
    private static var staleAfter: Interval { .seconds(2) }
    /// A publisher that said BYE on all its sources is gone after this long.
    private static var byeGrace: Interval { .seconds(5) }

    // MARK: In

    mutating func receiveRTCP(
        _ datagram: inout MutableRawSpan, length: Int, slot: Int, arrival: Instant,
        into batch: inout DatagramBatch
    ) {
        guard
            let plain = openRTCP(&datagram, length: length, slot: slot, arrival: arrival)
        else { return }
        do throws(WireError) {
            let compound = try RTCPCompoundView(datagram.bytes.extracting(0..<plain))
            counters.rtcpReceived &+= 1
            let isPublisher = runtimes[slot].role == .publisher
            var packets = compound.packets
            while let packet = packets.next(in: compound) {
                if !packet.isKnown { counters.rtcpUnknown &+= 1 }
                if isPublisher {
                    receiveFromPublisher(packet, compound, slot: slot, arrival: arrival)
                } else {
                    receiveFromViewer(packet, compound, slot: slot, arrival: arrival)
                }
            }
        } catch {
            counters.rtcpMalformed &+= 1
        }
    }

    private mutating func receiveFromPublisher(
        _ packet: RTCPPacket, _ compound: borrowing RTCPCompoundView, slot: Int, arrival: Instant
    ) {
        let room = runtimes[slot].room
        if let info = SenderInfo(packet, in: compound) {
            guard let track = rooms[room].tracks.first(where: { $0.ssrc == info.ssrc }) else { return }
            let isNews = track.timeline.observe(
                info, arrival: arrival, clockRate: track.line.clockRate, offset: &rooms[room].ntpOffset)
            if isNews { track.lastSenderReport = (middle: info.ntp.middle, arrival: arrival) }
        } else if packet.type == RTCP.PacketType.bye {
            receiveBye(packet, compound, room: room)
        }
    }

    private mutating func receiveBye(
        _ packet: RTCPPacket, _ compound: borrowing RTCPCompoundView, room: Int
    ) {
        var index = 0
        while let ssrc = packet.leavingSource(index, in: compound) {
            index += 1
            guard let place = rooms[room].tracks.firstIndex(where: { $0.ssrc == ssrc }),
                !rooms[room].tracks[place].hasEnded
            else { continue }
            // Its viewers hear nothing of it: the source they know is ours, and goes on with the next one.
            rooms[room].tracks[place].hasEnded = true
        }
    }

    private mutating func receiveFromViewer(
        _ packet: RTCPPacket, _ compound: borrowing RTCPCompoundView, slot: Int, arrival: Instant
    ) {
        if packet.isReport {
            var index = 0
            while let block = ReportBlock(index, of: packet, in: compound) {
                note(block, slot: slot, arrival: arrival)
                index += 1
            }
        } else if packet.isGenericNACK {
            receiveNACK(packet, compound, slot: slot, arrival: arrival)
        } else if packet.isPictureLossIndication {
            guard let sources = FeedbackSources(packet, in: compound),
                egressIndex(of: slot, ssrc: sources.media) != nil
            else { return }
            receiveKeyframeRequest(slot, at: arrival)
        } else if packet.isFullIntraRequest {
            var index = 0
            while let entry = FIREntry(index, of: packet, in: compound) {
                index += 1
                guard let egress = egressIndex(of: slot, ssrc: entry.ssrc),
                    runtimes[slot].egress[egress].lastFIR != entry.sequenceNumber
                else { continue }
                runtimes[slot].egress[egress].lastFIR = entry.sequenceNumber
                receiveKeyframeRequest(slot, at: arrival)
            }
        }
    }

    /// Counted always, heard once in 500 ms: the publisher is not asked more often either.
    private mutating func receiveKeyframeRequest(_ slot: Int, at now: Instant) {
        counters.keyframeRequestsReceived &+= 1
        slab[slot].counters.keyframeRequests &+= 1
        if let last = runtimes[slot].lastKeyframeRequest, now - last < KeyframeRequester.interval { return }
        runtimes[slot].lastKeyframeRequest = now
        wantKeyframes(for: slot)
    }

    func egressIndex(of slot: Int, ssrc: SSRC) -> Int? {
        for index in 0..<runtimes[slot].egressCount where slab[slot].egress[index].ssrc == ssrc.rawValue {
            return index
        }
        return nil
    }

    /// Losses that the viewer saw, and the round trip (RFC 3550 §6.4.1).
    private mutating func note(_ block: ReportBlock, slot: Int, arrival: Instant) {
        guard let index = egressIndex(of: slot, ssrc: block.ssrc) else { return }
        runtimes[slot].egress[index].reportedLost = block.cumulativeLost
        runtimes[slot].egress[index].reportedFractionLost = block.fractionLost
        runtimes[slot].egress[index].reportedJitter = block.jitter
        var lost: Int64 = 0
        for egress in 0..<runtimes[slot].egressCount {
            lost += Int64(max(0, runtimes[slot].egress[egress].reportedLost))
        }
        slab[slot].counters.packetsLost = UInt64(lost)
        guard block.lastSR != 0 else { return }
        let now = NTPTimestamp(unixNanoseconds: Int64(clamping: unixTime(at: arrival))).middle
        let roundTrip = Int64(Int32(bitPattern: now &- block.lastSR &- block.delaySinceLastSR))
        guard roundTrip >= 0, roundTrip < 65536 * 10 else { return }
        slab[slot].counters.roundTripTime = roundTrip * 1_000_000_000 / 65536
    }

    // MARK: Out

    /// Writes, protects and queues one RTCP datagram.
    mutating func sendRTCP(
        _ slot: Int, into batch: inout DatagramBatch,
        _ write: (inout RTCPWriter, inout MutableRawSpan) -> Void
    ) {
        guard let path = slab[slot].agent.mediaPath, runtimes[slot].sender != nil else { return }
        let hasRoom = batch.append(on: path) { bytes in
            var writer = RTCPWriter()
            write(&writer, &bytes)
            return sealRTCP(&bytes, length: writer.length, slot: slot)
        }
        if !hasRoom { counters.outputDropped &+= 1 }
    }

    /// Sends feedback to a publisher: alone where that was negotiated (RFC 5506 §3.4.1), else behind an empty report and
    /// a CNAME (RFC 3550 §6.1).
    mutating func sendFeedback(
        _ slot: Int, isReducedSize: Bool, into batch: inout DatagramBatch,
        _ write: (inout RTCPWriter, inout MutableRawSpan) -> Void
    ) {
        let sender = runtimes[slot].reportSSRC
        let cname = isReducedSize ? [] : slab[slot].current.cname.octets
        sendRTCP(slot, into: &batch) { writer, bytes in
            if !isReducedSize {
                writer.appendReceiverReport(from: sender, [], in: &bytes)
                writer.appendCNAME(cname, for: sender, in: &bytes)
            }
            write(&writer, &bytes)
        }
    }

    /// What is due for this session: a receiver report and keyframe requests to a publisher, sender reports
    /// to a viewer.
    mutating func advanceRTCP(_ slot: Int, to now: Instant, into batch: inout DatagramBatch) {
        guard runtimes[slot].sender != nil else { return }
        switch runtimes[slot].role {
        case .publisher:
            if hasLeft(slot, at: now) {
                end(slot, reason: .publisherBye, at: now, into: &batch)
                return
            }
            if runtimes[slot].nextReport <= now { sendReceiverReport(slot, at: now, into: &batch) }
            requestRetransmissions(slot, at: now, into: &batch)
            requestKeyframes(slot, at: now, into: &batch)
            sendBandwidthFeedback(slot, at: now, into: &batch)
        case .viewer:
            for index in 0..<runtimes[slot].egressCount
            where runtimes[slot].egress[index].nextSenderReport <= now {
                sendSenderReport(slot, index, at: now, into: &batch)
            }
        }
    }

    /// Every source has said BYE and stayed silent; a browser says it as well when it pauses a track.
    private func hasLeft(_ slot: Int, at now: Instant) -> Bool {
        let tracks = rooms[runtimes[slot].room].tracks
        return !tracks.isEmpty && tracks.allSatisfy { $0.hasEnded && now - $0.lastArrival >= Self.byeGrace }
    }

    private mutating func sendReceiverReport(_ slot: Int, at now: Instant, into batch: inout DatagramBatch) {
        // 0.5 to 1.5 times the second that repair and statistics want (RFC 3550 §6.2, RFC 4585 §3.4).
        runtimes[slot].nextReport =
            now + Interval(nanoseconds: Int64.random(in: 500_000_000...1_500_000_000, using: &random))
        let sender = runtimes[slot].reportSSRC
        let blocks = rooms[runtimes[slot].room].tracks.compactMap { track -> ReportBlock? in
            guard let ssrc = track.ssrc else { return nil }
            return track.statistics.makeReport(for: ssrc, lastSR: track.lastSenderReport, at: now)
        }
        let cname = slab[slot].current.cname.octets
        sendRTCP(slot, into: &batch) { writer, bytes in
            writer.appendReceiverReport(from: sender, blocks, in: &bytes)
            writer.appendCNAME(cname, for: sender, in: &bytes)
        }
    }

    private mutating func requestKeyframes(_ slot: Int, at now: Instant, into batch: inout DatagramBatch) {
        let sender = runtimes[slot].reportSSRC
        for track in rooms[runtimes[slot].room].tracks where track.line.kind == .video {
            let feedback = track.line.feedback
            guard let media = track.ssrc, feedback.contains(.nackPLI) || feedback.contains(.ccmFIR),
                track.requester.shouldRequest(at: now)
            else { continue }
            counters.keyframeRequestsSent &+= 1
            slab[slot].counters.keyframeRequests &+= 1
            let number = track.requester.command
            sendFeedback(slot, isReducedSize: false, into: &batch) { writer, bytes in
                if feedback.contains(.nackPLI) {
                    writer.appendPictureLossIndication(from: sender, to: media, in: &bytes)
                } else {
                    writer.appendFullIntraRequest(
                        from: sender, to: media, sequenceNumber: number, in: &bytes)
                }
            }
        }
    }

    /// Our timeline in NTP, the timestamp the viewer would see at this moment, what it was sent
    /// (RFC 3550 §6.4.1).
    private mutating func sendSenderReport(
        _ slot: Int, _ egress: Int, at now: Instant, into batch: inout DatagramBatch
    ) {
        runtimes[slot].egress[egress].nextSenderReport =
            now + Interval(nanoseconds: Int64.random(in: 1_000_000_000...3_000_000_000, using: &random))
        let room = runtimes[slot].room
        guard let place = runtimes[slot].egress[egress].track, place < rooms[room].tracks.count else {
            return
        }
        let track = rooms[room].tracks[place]
        guard track.timeline.isKnown, runtimes[slot].egress[egress].follows(track.stream),
            now - runtimes[slot].egress[egress].lastSent < Self.staleAfter, !isCatchingUp(slot, at: now)
        else { return }
        let source = track.timeline.timestamp(at: now, clockRate: track.line.clockRate)
        let record = slab[slot].egress[egress]
        let ssrc = SSRC(rawValue: record.ssrc)
        let info = SenderInfo(
            ssrc: ssrc, ntp: NTPTimestamp(unixNanoseconds: Int64(clamping: unixTime(at: now))),
            rtpTimestamp: source &+ record.timestampOffset,
            packetCount: UInt32(truncatingIfNeeded: record.packets),
            octetCount: UInt32(truncatingIfNeeded: record.octets))
        let cname = slab[slot].current.cname.octets
        sendRTCP(slot, into: &batch) { writer, bytes in
            writer.appendSenderReport(info, in: &bytes)
            writer.appendCNAME(cname, for: ssrc, in: &bytes)
        }
    }

    /// Says that our own sources end, when the session does (RFC 3550 §6.3.7): to a viewer what it was sent, to
    /// a publisher our reports.
    ///
    /// A publisher that ends is not told to viewers so: what they get has an SSRC of ours, the next publisher of
    /// the room goes on with it, and a receiver may drop a source for good that has said BYE.
    mutating func sendBye(_ slot: Int, into batch: inout DatagramBatch) {
        var sources: [SSRC] = []
        switch runtimes[slot].role {
        case .publisher: sources = [runtimes[slot].reportSSRC]
        case .viewer:
            for index in 0..<runtimes[slot].egressCount where runtimes[slot].egress[index].isKnown {
                sources.append(SSRC(rawValue: slab[slot].egress[index].ssrc))
            }
        }
        guard let sender = sources.first else { return }
        let cname = slab[slot].current.cname.octets
        sendRTCP(slot, into: &batch) { writer, bytes in
            writer.appendReceiverReport(from: sender, [], in: &bytes)
            writer.appendCNAME(cname, for: sender, in: &bytes)
            for source in sources { writer.appendBye(source, in: &bytes) }
        }
    }
}
