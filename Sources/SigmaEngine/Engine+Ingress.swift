internal import SigmaCore
internal import SigmaCrypto
internal import SigmaWire

extension Engine {
    /// SRTP from a validated path: decrypted, bound to its track, put in line for the viewers.
    ///
    /// - Parameter queued: Since when it could have gone out.
    mutating func receiveRTP(
        _ datagram: inout MutableRawSpan, length: Int, slot: Int, arrival: Instant, queued: Instant
    ) {
        // A viewer has no media to send: not worth a decryption.
        guard runtimes[slot].role == .publisher else {
            counters.rtpDropped &+= 1
            return
        }
        guard
            let opened = openRTP(&datagram, length: length, slot: slot, arrival: arrival)
        else { return }
        slab[slot].counters.packetsReceived &+= 1
        slab[slot].counters.octetsReceived &+= UInt64(opened.length)
        let room = runtimes[slot].room
        let bytes = datagram.bytes.extracting(0..<opened.length)
        do throws(WireError) {
            let packet = try RTPPacketView(bytes)
            noteTransportNumber(packet, slot: slot, arrival: arrival)
            if let track = trackRepaired(by: packet, room: room) {
                receiveRTX(packet, slot: slot, room: room, track: track, arrival: arrival, queued: queued)
                return
            }
            guard let track = bind(packet, slot: slot, room: room, arrival: arrival) else {
                counters.rtpUnbound &+= 1
                return
            }
            accept(
                packet, opened.index, slot: slot, room: room, track: track, arrival: arrival, queued: queued)
        } catch {
            counters.rtpMalformed &+= 1
        }
    }

    // MARK: Before the keys

    /// Keeps what comes while the handshake's last step is under way: a peer that is done first sends at
    /// once, and the first packets are the keyframe that everybody waits for.
    mutating func holdBack(_ bytes: RawSpan, slot: Int, isRTCP: Bool, arrival: Instant) {
        guard runtimes[slot].hasDTLS, runtimes[slot].role == .publisher,
            runtimes[slot].early.count < EarlyDatagram.limit, earlyCount < EarlyDatagram.totalLimit,
            bytes.byteCount <= PacketRing.packetLimit
        else {
            counters.srtpBeforeKeys &+= 1
            return
        }
        let octets = bytes.array(0..<bytes.byteCount)
        earlyCount += 1
        runtimes[slot].early.append(EarlyDatagram(octets: octets, isRTCP: isRTCP, arrival: arrival))
    }

    /// Hears what was held back, now that the keys are there.
    mutating func receiveEarly(_ slot: Int, at now: Instant, into batch: inout DatagramBatch) {
        let handle = handle(slot)
        let early = runtimes[slot].early
        runtimes[slot].early = []
        earlyCount -= early.count
        for datagram in early where slab.isCurrent(handle) {
            var octets = datagram.octets
            var span = octets.mutableSpan
            var bytes = unsafe span.mutableBytes
            if datagram.isRTCP {
                receiveRTCP(
                    &bytes, length: bytes.byteCount, slot: slot, arrival: datagram.arrival, into: &batch)
            } else {
                receiveRTP(
                    &bytes, length: bytes.byteCount, slot: slot, arrival: datagram.arrival, queued: now)
            }
        }
    }

    // MARK: Binding (RFC 9143 §9.2: by SSRC, MID, payload type)

    private mutating func bind(
        _ packet: borrowing RTPPacketView, slot: Int, room: Int, arrival: Instant
    ) -> Int? {
        let tracks = rooms[room].tracks
        let payloadType = packet.payloadType
        let ssrc = packet.ssrc
        let known = tracks.firstIndex { $0.ssrc == ssrc }
        if let known {
            if tracks[known].line.payloadType == payloadType { return known }
            // RTX and probing with other payload types have SSRCs of their own or are of no use to us. But an
            // SSRC that was announced for the wrong m-section may still find the right one.
            guard !tracks[known].hasPackets else { return nil }
        }
        let byMID = trackByMID(packet, tracks)
        let byPayloadType = tracks.firstIndex {
            $0.line.payloadType == payloadType && $0.canChangeSource(to: ssrc, at: arrival)
        }
        guard let found = byMID ?? byPayloadType, tracks[found].line.payloadType == payloadType,
            tracks[found].canChangeSource(to: ssrc, at: arrival)
        else { return nil }
        if let known { tracks[known].ssrc = nil }
        if ssrc == runtimes[slot].reportSSRC { chooseReportSSRC(slot, unlike: [ssrc]) }
        tracks[found].adopt(ssrc)
        timers.hasten(slot, to: .zero)
        return found
    }

    func trackByMID(_ packet: borrowing RTPPacketView, _ tracks: [Track]) -> Int? {
        var elements = packet.headerExtensions
        while let element = elements.next(in: packet.bytes) {
            for (index, track) in tracks.enumerated() where track.line.extensionID(.mid) == element.id {
                if packet.bytes.array(element.value) == track.line.mid.octets { return index }
            }
        }
        return nil
    }

    // MARK: Acceptance

    private mutating func accept(
        _ packet: borrowing RTPPacketView, _ index: UInt64, slot: Int, room: Int, track place: Int,
        arrival: Instant, queued: Instant
    ) {
        let track = rooms[room].tracks[place]
        switch track.repair?.receive(index, at: arrival) ?? .expected {
        case .expected, .late: break
        case .ahead: if let deadline = track.repair?.deadline { timers.hasten(slot, to: deadline) }
        case .recovered: noteRecovered(slot)
        case .known:
            // For the losses that we report, it has come.
            _ = track.statistics.receive(
                index, timestamp: packet.timestamp, arrival: arrival, clockRate: track.line.clockRate)
            return
        }
        let isJump = track.statistics.receive(
            index, timestamp: packet.timestamp, arrival: arrival, clockRate: track.line.clockRate)
        let isNewest = index == track.statistics.highestIndex
        // A packet that was overtaken says nothing of the time.
        let isSteady =
            !isNewest
            || track.timeline.observe(
                timestamp: packet.timestamp, arrival: arrival, clockRate: track.line.clockRate)
        if isJump || !isSteady {
            track.beginStream()
            timers.hasten(slot, to: .zero)
        }
        if isJump { track.repair?.restart() }
        track.hasEnded = false
        track.lastArrival = arrival
        guard !packet.payloadRange.isEmpty else {
            // Padding alone, sent to probe: nothing for a viewer, so the numbers close over it.
            if isNewest { track.strip(index) }
            return
        }
        store(packet, index: index, in: track, slot: slot, arrival: arrival, queued: queued)
        noteArrival(slot: slot, room: room, track: track, at: arrival)
        queueFanOut(track, room: room, place: place)
    }

    mutating func store(
        _ packet: borrowing RTPPacketView, index: UInt64, in track: Track, slot: Int, arrival: Instant,
        queued: Instant
    ) {
        var stored = PacketRing.Packet()
        guard let place = track.trackIndex(index) else {
            counters.rtpDropped &+= 1
            return
        }
        if track.isApart(place) {
            track.beginStream()
            timers.hasten(slot, to: .zero)
        }
        stored.index = place
        stored.arrival = queued
        stored.stream = track.stream
        stored.timestamp = packet.timestamp
        stored.marker = packet.marker
        stored.payloadStart = UInt16(truncatingIfNeeded: packet.payloadRange.lowerBound)
        stored.payloadLength = UInt16(truncatingIfNeeded: packet.payloadRange.count)
        switch track.line.kind {
        case .audio:
            stored.entryPoint = .whole
            stored.entryIndex = place
            stored.entryTimestamp = packet.timestamp
        case .video:
            inspectVideo(packet, track, &stored, arrival: arrival)
            if stored.entryPoint == .whole {
                track.repair?.supersede(before: index - min(index, place - min(place, stored.entryIndex)))
            }
        }
        noteExtensions(packet, track, &stored)
        guard track.append(stored, packet.bytes) else {
            counters.rtpDropped &+= 1
            return
        }
        track.noteEntry(stored)
        if !track.feeds.isEmpty {
            relays.append(PendingRelay(track: track, serial: track.ring.nextSerial - 1))
        }
        track.newest = max(track.newest ?? place, place)
        track.packets &+= 1
        track.octets &+= UInt64(packet.payloadRange.count)
    }

    private func noteExtensions(
        _ packet: borrowing RTPPacketView, _ track: Track, _ stored: inout PacketRing.Packet
    ) {
        var elements = packet.headerExtensions
        while let element = elements.next(in: packet.bytes), stored.extensionCount < 4 {
            for kind in ExtensionKind.allCases
            where kind.isCarriedOver && track.line.extensionID(kind) == element.id {
                guard (1...16).contains(element.value.count) else { continue }
                var carried = PacketRing.CarriedExtension()
                carried.kind = kind
                carried.start = UInt16(truncatingIfNeeded: element.value.lowerBound)
                carried.length = UInt8(element.value.count)
                stored.extensions[Int(stored.extensionCount)] = carried
                stored.extensionCount += 1
            }
        }
    }

    // MARK: What the bitstream says

    private func inspectVideo(
        _ packet: borrowing RTPPacketView, _ track: Track, _ stored: inout PacketRing.Packet, arrival: Instant
    ) {
        // What we cannot read may be needed.
        stored.reference = .some
        guard let payload = try? H264Payload(packet.payload) else { return }
        stored.reference = .unknown
        track.bitstream.note(payload, packet.payload, timestamp: packet.timestamp, at: arrival)
        if let range = payload.sequenceParameterSet {
            noteParameterSet(packet.payload.extracting(range), track)
        }
        if payload.startsIDR, track.keyframeTimestamp != packet.timestamp {
            track.keyframeTimestamp = packet.timestamp
            noteKeyframe(track, at: arrival)
        }
        if payload.isReference {
            stored.reference = .some
        } else if payload.containsOtherPicture {
            stored.reference = .none
        }
        track.markEntryPoint(payload, of: &stored)
    }

    private func noteParameterSet(_ unit: RawSpan, _ track: Track) {
        guard let parameters = try? H264SequenceParameterSet(unit) else { return }
        let width = UInt32(clamping: parameters.width)
        let height = UInt32(clamping: parameters.height)
        guard
            track.facts.width != width || track.facts.height != height
                || track.facts.profileLevelID != parameters.profileLevelID
        else { return }
        track.facts.width = width
        track.facts.height = height
        track.facts.profileLevelID = parameters.profileLevelID
        track.factsAreTold = false
    }

    private func noteKeyframe(_ track: Track, at arrival: Instant) {
        track.keyframes &+= 1
        if let last = track.lastKeyframe { track.keyframeInterval = (arrival - last).nanoseconds / 1_000_000 }
        track.lastKeyframe = arrival
    }

    private mutating func noteArrival(slot: Int, room: Int, track: Track, at arrival: Instant) {
        if !rooms[room].isLive {
            rooms[room].isLive = true
            emit(.publisherLive, slot: slot, at: arrival)
        }
        // At most one of each in a second: a bitstream must not fill the journal.
        if !track.factsAreTold, track.line.kind == .audio || track.facts.width > 0,
            Self.isDue(track.lastFactsEvent, at: arrival)
        {
            track.factsAreTold = true
            track.lastFactsEvent = arrival
            track.facts.ssrc = track.ssrc?.rawValue ?? 0
            emit(.trackKnown(track.facts), slot: slot, at: arrival)
        }
        noteTroubles(slot: slot, track: track, at: arrival)
        // Told again only when it has moved by more than a fifth: encoders place scene cuts freely.
        let interval = track.keyframeInterval
        guard interval > 0, abs(interval - track.announcedInterval) * 5 > track.announcedInterval,
            Self.isDue(track.lastIntervalEvent, at: arrival)
        else { return }
        track.lastIntervalEvent = arrival
        track.announcedInterval = interval
        emit(
            .keyframeInterval(mediaLine: track.mediaLine, milliseconds: UInt32(clamping: interval)),
            slot: slot, at: arrival)
    }

    private static func isDue(_ last: Instant?, at now: Instant) -> Bool {
        guard let last else { return true }
        return now - last >= .seconds(1)
    }
}
