import SigmaPeer
import SigmaSystem
import SigmaWire

extension LoadRun {
    // MARK: Receiving

    func receive(_ index: Int, _ number: Int32) {
        var count = 0
        repeat {
            count = (try? reader.receive(from: number)) ?? 0
            for item in 0..<count { take(item, for: index) }
        } while count == SegmentReader.capacity
    }

    private func take(_ item: Int, for index: Int) {
        reader.withDatagram(item) { bytes, segmentLength, remote, arrival in
            let others = counters[index].note(bytes, segmentLength: segmentLength)
            guard others > 0 || !isCountedOnly[index] else { return }
            hand(bytes, segmentLength, to: index, from: remote, arrival)
        }
    }

    /// What the counter does not do alone: checks, handshakes, reports, and the media of those who decrypt.
    private func hand(
        _ bytes: RawSpan, _ segmentLength: Int, to index: Int, from remote: Address, _ arrival: Int64
    ) {
        guard let client = clients[index] else { return }
        let now = SystemClock.monotonic()
        let arrivedAt = arrival == 0 ? now : arrival - (SystemClock.unix() - now)
        var segments = Segments(byteCount: bytes.byteCount, segmentLength: segmentLength)
        while let segment = segments.next() {
            let isMedia = ViewerCounter.isRTP(bytes, segment)
            if isMedia { noteFirstPacket(index, client, at: now) }
            guard !isMedia || client.decrypts else { continue }
            let datagram = bytes.array(segment)
            if isMedia {
                let ssrc = bytes.bigEndian(UInt32.self, at: segment.lowerBound + 8)
                decrypt(datagram, ssrc, client, from: remote, arrivedAt)
            } else {
                client.peer.handle(datagram: datagram, from: remote, at: now)
            }
        }
        settle(index, at: now)
    }

    private func noteFirstPacket(_ index: Int, _ client: LoadClient, at now: Int64) {
        guard client.firstPacketAt == nil else { return }
        client.firstPacketAt = now
        if case .watch = client.purpose, options.connects == 0 { results.noteFirstPacket(client) }
        isCountedOnly[index] = !client.decrypts
    }

    private func decrypt(
        _ datagram: [UInt8], _ ssrc: UInt32, _ client: LoadClient, from remote: Address, _ arrivedAt: Int64
    ) {
        let before = client.peer.received[ssrc]?.lastCapture
        client.peer.handle(datagram: datagram, from: remote, at: arrivedAt)
        guard isMeasuring, let statistics = client.peer.received[ssrc], statistics.kind == .video,
            let capture = statistics.lastCapture, capture != before,
            let latency = SendTime.latency(of: capture.time, at: arrivedAt)
        else { return }
        results.latency.note(latency)
    }

    // MARK: Sending

    func sendDueMedia(at now: Int64) {
        for place in publications.indices where publications[place].plan.deadline <= now {
            let index = publications[place].index
            guard let client = clients[index], client.isLive else { continue }
            while let packet = publications[place].plan.next(at: SystemClock.monotonic()) {
                client.peer.send(packet.payload, of: packet.kind, at: packet.captured, marker: packet.marker)
                // One by one, as other publishers do.
                client.drain(at: now)
                results.sentPackets += 1
            }
            settle(index, at: now)
        }
    }

    func advance(_ index: Int, at now: Int64) {
        guard let client = clients[index] else {
            deadlines[index] = .max
            return
        }
        if !client.decrypts, client.peer.isReportDue(at: now) {
            client.peer.suppliedReports = counters[index].takeReports()
        }
        client.peer.advance(to: now)
        settle(index, at: now)
    }
}
