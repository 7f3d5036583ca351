package import SigmaCore
internal import SigmaCrypto
package import SigmaWire

extension Engine {
    /// A session that never connects is reaped after this long.
    package static let connectTimeout = Interval.seconds(30)

    /// Opens a session and makes its ICE credentials.
    ///
    /// - Throws: ``CommandError``; nothing has changed then.
    package mutating func open(
        _ request: SessionRequest, at now: Instant, into batch: inout DatagramBatch
    ) throws(CommandError) -> ICECredentials {
        try validate(request)
        try admit(request)
        guard let handle = slab.allocate() else { throw .full }
        if request.takesOver { endSilentPublisher(of: request.roomID, at: now, into: &batch) }
        let slot = Int(handle.slot)
        let credentials = ICECredentials(
            slot: UInt32(configuration.shard * configuration.sessionLimit) + handle.slot,
            entropy: configuration.entropy(ICECredentials.entropyLength))

        slab.commit(coldRecord(request, credentials, at: now), slot: slot)
        prepareRuntime(slot, request, credentials, at: now)
        slots[request.sessionID] = slot
        runtimes[slot].place = live.count
        live.append(slot)
        timers.schedule(slot, at: now)
        join(slot, request)
        counters.sessionsOpened &+= 1
        return credentials
    }

    private func validate(_ request: SessionRequest) throws(CommandError) {
        guard (4...256).contains(request.remoteUfrag.count) else { throw .invalid(.remoteUfrag) }
        guard !request.fingerprints.isEmpty, request.fingerprints.count <= 8 else {
            throw .invalid(.fingerprints)
        }
        let limit = request.role == .viewer ? 4 : 8
        guard (1...limit).contains(request.media.count) else { throw .invalid(.media) }
        guard request.rids.count <= 4, request.rids.allSatisfy({ $0.count <= 16 }) else {
            throw .invalid(.rids)
        }
        guard request.cname.count <= 64 else { throw .invalid(.cname) }
        var ssrcs: Set<UInt32> = []
        for line in request.media {
            guard MediaLineRecord.isPayloadType(line.payloadType) else { throw .invalid(.payloadType) }
            guard MediaLineRecord.clockRates.contains(line.clockRate) else { throw .invalid(.media) }
            for kind in ExtensionKind.allCases where line.extensionID(kind) > 14 {
                throw .invalid(.extensions)
            }
            if request.role == .viewer {
                // One SSRC twice under one key would be one nonce twice.
                guard line.ssrc != 0, ssrcs.insert(line.ssrc).inserted,
                    !line.hasRTX || ssrcs.insert(line.rtxSSRC).inserted
                else { throw .invalid(.ssrcs) }
            }
            guard line.rtxPayloadType == 0 || MediaLineRecord.isPayloadType(line.rtxPayloadType),
                line.rtxPayloadType != line.payloadType
            else { throw .invalid(.payloadType) }
        }
    }

    private func coldRecord(
        _ request: SessionRequest, _ credentials: ICECredentials, at now: Instant
    ) -> ColdRecord {
        var cold = ColdRecord()
        cold.sessionID = request.sessionID
        cold.roomID = request.roomID
        cold.role = request.role
        cold.isDTLSClient = request.dtlsRole == .client
        cold.openedAt = now
        cold.openedAtUnix = unixTime(at: now)
        cold.localUfrag = FixedOctets(credentials.ufrag) ?? cold.localUfrag
        cold.localPassword = FixedOctets(credentials.password) ?? cold.localPassword
        cold.remoteUfrag = FixedOctets(request.remoteUfrag) ?? cold.remoteUfrag
        if let fingerprint = request.fingerprints.first {
            cold.fingerprintHash = fingerprint.hash.rawValue
            cold.fingerprint = FixedOctets(fingerprint.digest) ?? cold.fingerprint
        }
        for (index, line) in request.media.enumerated() { cold.media[index] = line }
        cold.mediaCount = UInt8(request.media.count)
        for (index, rid) in request.rids.enumerated() { cold.rids[index] = FixedOctets(rid) ?? FixedOctets() }
        cold.cname = FixedOctets(request.cname) ?? cold.cname
        return cold
    }

    private mutating func prepareRuntime(
        _ slot: Int, _ request: SessionRequest, _ credentials: ICECredentials, at now: Instant
    ) {
        runtimes.reset(slot)
        runtimes[slot].fingerprints = request.fingerprints
        runtimes[slot].role = request.role
        runtimes[slot].bandwidth = BandwidthFeedback(request)
        runtimes[slot].username = credentials.ufrag + [UInt8(ascii: ":")] + request.remoteUfrag
        runtimes[slot].integrity = IntegrityKey(credentials.password)
        runtimes[slot].connectDeadline = now + Self.connectTimeout
        chooseReportSSRC(
            slot, unlike: request.media.flatMap { [SSRC(rawValue: $0.ssrc), SSRC(rawValue: $0.rtxSSRC)] })
    }

    /// Two participants of one session may not have one SSRC: ours gives way (RFC 3550 §8.2).
    mutating func chooseReportSSRC(_ slot: Int, unlike taken: [SSRC]) {
        repeat {
            runtimes[slot].reportSSRC = SSRC(rawValue: UInt32.random(in: 1...UInt32.max, using: &random))
        } while taken.contains(runtimes[slot].reportSSRC)
    }

    // MARK: Rooms

    private mutating func join(_ slot: Int, _ request: SessionRequest) {
        let place = roomPlaces[request.roomID] ?? makeRoom(request.roomID)
        runtimes[slot].room = place
        switch request.role {
        case .publisher:
            guard rooms[place].publisher == nil else {
                rooms[place].successors.append(slot)
                return
            }
            setPublisher(slot, request.media, room: place)
        case .viewer:
            rooms[place].viewers.append(slot)
            prepareEgress(slot, request.media)
            subscribe(slot)
        }
    }

    private mutating func setPublisher(_ slot: Int, _ media: [MediaLineRecord], room place: Int) {
        rooms[place].publisher = slot
        rooms[place].ntpOffset = nil
        rooms[place].isLive = false
        setTracks(makeTracks(media, room: place), room: place)
    }

    /// A publisher that nothing has come from for this long gives way at once.
    package static let patience = Interval.seconds(2)

    /// Frees a room for who takes it over: one that is not there any more need not be waited for.
    private mutating func endSilentPublisher(
        of room: RoomID, at now: Instant, into batch: inout DatagramBatch
    ) {
        guard let place = roomPlaces[room], let publisher = rooms[place].publisher,
            now - lastHeard(publisher) >= Self.patience
        else { return }
        end(publisher, reason: .replaced, at: now, into: &batch)
        counters.takeovers &+= 1
    }

    /// When something authentic last came from the peer of a session, or when it was opened: checks, SRTP and SRTCP.
    private func lastHeard(_ slot: Int) -> Instant {
        var last = slab[slot].current.openedAt
        for path in slab[slot].agent.validatedPaths {
            if let check = slab[slot].agent.lastCheck(on: path) { last = max(last, check) }
        }
        for place in 0..<slab[slot].ingress.count { last = max(last, slab[slot].ingress[place].lastHeard) }
        return last
    }

    /// A publisher whose handshake is done takes the place of the one that has the room.
    ///
    /// Viewers stay: their streams go on with its first keyframe.
    mutating func takeOver(_ slot: Int, at now: Instant, into batch: inout DatagramBatch) {
        let place = runtimes[slot].room
        guard rooms[place].publisher != slot else { return }
        if let publisher = rooms[place].publisher {
            end(publisher, reason: .replaced, at: now, into: &batch)
        }
        rooms[place].successors.removeAll { $0 == slot }
        let cold = slab.cold(slot)
        setPublisher(slot, (0..<Int(cold.mediaCount)).map { cold.media[$0] }, room: place)
        counters.takeovers &+= 1
    }

    func makeTracks(_ media: [MediaLineRecord], room place: Int) -> [Track] {
        media.enumerated().map { index, line in
            Track(
                mediaLine: UInt8(index), line: line,
                isUnambiguous: media.count { $0.ssrc == line.ssrc } == 1,
                after: rooms[place].departed(line.kind))
        }
    }

    /// What the viewers of a room follow from now on.
    mutating func setTracks(_ tracks: [Track], room place: Int) {
        fanOuts.remove(room: place)
        rooms[place].setTracks(tracks)
        for viewer in rooms[place].viewers { subscribe(viewer) }
    }

    private mutating func makeRoom(_ id: RoomID) -> Int {
        let place: Int
        if let free = freeRooms.popLast() {
            place = free
            rooms[place] = Room(id: id)
        } else {
            place = rooms.count
            rooms.append(Room(id: id))
        }
        roomPlaces[id] = place
        return place
    }

    private mutating func prepareEgress(_ slot: Int, _ media: [MediaLineRecord]) {
        runtimes[slot].egressCount = media.count
        for (index, line) in media.enumerated() {
            runtimes[slot].egress[index].negotiate(line)
            slab[slot].egress[index].ssrc = line.ssrc
            slab[slot].egress[index].payloadType = line.payloadType
            // Below 2¹⁵, so that early loss cannot make the peer guess the rollover counter wrong
            // (RFC 3711 §3.3.1); random, as RFC 3550 §5.1 asks.
            slab[slot].egress[index].nextIndex = UInt64.random(in: 1..<0x4000, using: &random)
            slab[slot].egress[index].lastTimestamp = UInt32.random(in: 0...UInt32.max, using: &random)
            if line.hasRTX {
                slab[slot].egress[index].nextRTXIndex = UInt64.random(in: 1..<0x4000, using: &random)
            }
        }
    }

    /// Ties the outgoing streams of a viewer to the room's tracks of their kind.
    private mutating func subscribe(_ slot: Int) {
        let tracks = rooms[runtimes[slot].room].tracks
        for index in 0..<runtimes[slot].egressCount {
            let kind = runtimes[slot].egress[index].line.kind
            let place = tracks.firstIndex { $0.line.kind == kind }
            runtimes[slot].egress[index].subscribe(
                to: place, from: place.map { tracks[$0].ring.nextSerial } ?? 0)
            // What was sent so far lies in no ring any more, and its indices are not to be taken for others.
            slab[slot].egress[index].forgetChanges()
        }
    }

    // MARK: Ends

    /// Ends a session at once: goodbye to the peer, an event, the slot free.
    ///
    /// - Parameter closer: The user id of the client that asks for it.
    /// - Throws: ``CommandError/noSuchSession``.
    package mutating func close(
        _ sessionID: SessionID, reason: EndReason, by closer: UInt32? = nil, at now: Instant,
        into batch: inout DatagramBatch
    ) throws(CommandError) {
        guard let slot = slots[sessionID] else { throw .noSuchSession }
        end(slot, reason: reason, by: closer, at: now, into: &batch)
    }

    mutating func end(
        _ slot: Int, reason: EndReason, by closer: UInt32? = nil, at now: Instant,
        into batch: inout DatagramBatch
    ) {
        let cold = slab.cold(slot)
        if cold.role == .publisher { endLive(slot, at: now) }
        if reason != .peerClosed, reason != .consentExpired, slab[slot].agent.consent(at: now) != .expired {
            sendBye(slot, into: &batch)
        }
        sayGoodbye(slot, at: now, into: &batch)
        emit(.ended(reason, SessionTotals(slab[slot].counters), by: closer), slot: slot, at: now)
        leaveRoom(slot)
        for path in slab[slot].agent.validatedPaths { tuples.remove(path, slot: UInt32(slot)) }
        slots[cold.sessionID] = nil
        removeFromLive(slot)
        timers.cancel(slot)
        earlyCount -= runtimes[slot].early.count
        runtimes.reset(slot)
        slab.free(handle(slot))
        counters.sessionsEnded &+= 1
    }

    private mutating func removeFromLive(_ slot: Int) {
        let place = runtimes[slot].place
        let last = live[live.count - 1]
        live[place] = last
        runtimes[last].place = place
        live.removeLast()
    }

    /// No media comes from a publisher any more.
    mutating func endLive(_ slot: Int, at now: Instant) {
        let room = runtimes[slot].room
        guard rooms[room].publisher == slot, rooms[room].isLive else { return }
        rooms[room].isLive = false
        emit(.publisherGone, slot: slot, at: now)
    }

    private mutating func leaveRoom(_ slot: Int) {
        let place = runtimes[slot].room
        if rooms[place].publisher == slot {
            rooms[place].publisher = nil
            setTracks([], room: place)
            forgetPublication(of: place)
        } else {
            rooms[place].viewers.removeAll { $0 == slot }
            rooms[place].successors.removeAll { $0 == slot }
            // The places have moved: nobody of the walk is known to have all.
            for track in rooms[place].tracks { track.fanOut.settled = 0 }
        }
        guard rooms[place].isEmpty else { return }
        forgetPublication(of: place)
        roomPlaces[rooms[place].id] = nil
        freeRooms.append(place)
    }

    mutating func forgetPublication(of place: Int) {
        if let publication = rooms[place].publication { publications[publication] = nil }
        rooms[place].publication = nil
        rooms[place].source = nil
    }

    /// Holds back the media of a viewer, or lets it flow again from the next keyframe on.
    package mutating func setPaused(_ isPaused: Bool, _ sessionID: SessionID) throws(CommandError) {
        guard let slot = slots[sessionID] else { throw .noSuchSession }
        var cold = slab.cold(slot)
        guard cold.isPaused != isPaused else { return }
        cold.isPaused = isPaused
        slab.commit(cold, slot: slot)
        runtimes[slot].isPaused = isPaused
        guard !isPaused else { return }
        for index in 0..<runtimes[slot].egressCount { runtimes[slot].egress[index].hold() }
        begin(slot)
    }
}
