internal import SigmaWire

/// The two synthetic streams of a publisher and when their next packets are due.
struct MediaSource {
    /// When the source began, on the caller's clock.
    let began: Int64
    var video: SyntheticVideo
    var audio: SyntheticAudio
    /// Nothing is sent meanwhile.
    var isPaused = false
    /// `nil` when the m-section was rejected.
    var videoStream: OutgoingStream?
    var audioStream: OutgoingStream?

    /// The caller makes the media.
    var isDriven = false

    var deadline: Int64? {
        guard !isPaused, !isDriven else { return nil }
        let nextVideo = videoStream.map { _ in began + video.nextFrameTime }
        let nextAudio = audioStream.map { _ in began + audio.nextPacketTime }
        guard let nextVideo, let nextAudio else { return nextVideo ?? nextAudio }
        return min(nextVideo, nextAudio)
    }
}

extension Peer {
    /// About once a second; RFC 3550 §6.2 would allow 5 s.
    static let reportInterval: Int64 = 1_000_000_000

    func startSource(at now: Int64) {
        guard let answer else { return }
        var source = MediaSource(
            began: now, video: SyntheticVideo(configuration.video),
            audio: SyntheticAudio(interval: configuration.audioInterval))
        for (offered, answered) in zip(offer.media, answer.media) where answered.isAccepted {
            guard let ssrc = offered.ssrc else { continue }
            let mid = answered.midExtensionID.map { (id: $0, value: Array(offered.mid.utf8)) }
            let stream = OutgoingStream(
                ssrc: ssrc, kind: offered.kind, payloadType: answered.payloadType, mid: mid,
                transportNumberID: answered.transportNumberExtensionID, random: &random)
            switch offered.kind {
            case .audio: source.audioStream = stream
            case .video:
                source.videoStream = stream
                keepSent(of: stream, answered)
            }
        }
        source.isDriven = !configuration.makesMedia
        self.source = source
    }

    func sendDueMedia(at now: Int64) {
        guard var source, !source.isPaused, !source.isDriven else { return }
        while source.audioStream != nil, source.began + source.audio.nextPacketTime <= now {
            let time = source.audio.nextPacketTime
            let payload = source.audio.nextPayload()
            sendRTP(source.audioStream?.packet(payload, at: time, marker: false), at: now)
        }
        while source.videoStream != nil, source.began + source.video.nextFrameTime <= now {
            let time = source.video.nextFrameTime
            let frame = source.video.nextFrame()
            for (index, payload) in frame.payloads.enumerated() {
                let isLast = index == frame.payloads.count - 1
                sendRTP(source.videoStream?.packet(payload, at: time, marker: isLast), at: now)
            }
        }
        self.source = source
    }

    /// Sends one payload that the caller made; leaves it out when its m-section was rejected.
    ///
    /// - Parameters:
    ///   - now: When it was captured, on the caller's clock; decides the RTP timestamp.
    ///   - marker: Of the RTP header.
    package func send(_ payload: [UInt8], of kind: MediaKind, at now: Int64, marker: Bool) {
        guard state == .connected, let time = source.map({ now - $0.began }) else { return }
        switch kind {
        case .audio:
            sendRTP(source?.audioStream?.packet(payload, at: time, marker: marker), at: now)
        case .video:
            sendRTP(source?.videoStream?.packet(payload, at: time, marker: marker), at: now)
        }
    }

    /// Makes the next picture a keyframe, unasked.
    package func makeKeyframe() { source?.video.requestKeyframe() }

    func sendRTP(_ packet: [UInt8]?, at now: Int64) {
        guard let packet, let path = mediaPath, let bytes = srtp?.protectRTP(numbered(packet)) else { return }
        output.append(Transmission(path: path, bytes: bytes))
        keep(packet, bytes, at: now)
    }

    func sendRTCP(_ write: (inout RTCPWriter, inout MutableRawSpan) -> Void) {
        var bytes = [UInt8](repeating: 0, count: 1200)
        var span = bytes.mutableSpan
        var raw = unsafe span.mutableBytes
        var writer = RTCPWriter()
        write(&writer, &raw)
        let packet = Array(bytes.prefix(writer.length))
        guard let bytes = srtp?.protectRTCP(packet), let path = mediaPath else { return }
        output.append(Transmission(path: path, bytes: bytes))
    }

    /// One compound per stream: SR and CNAME (RFC 3550 §6.1).
    func sendSenderReports(at now: Int64) {
        guard let source else { return }
        let time = now - source.began
        let cname = Array(offer.cname.utf8)
        for stream in [source.audioStream, source.videoStream].compactMap({ $0 }) where stream.packets > 0 {
            let info = SenderInfo(
                ssrc: SSRC(rawValue: stream.ssrc),
                ntp: NTPTimestamp(unixNanoseconds: configuration.wallClock + time),
                rtpTimestamp: stream.timestamp(at: time), packetCount: stream.packets,
                octetCount: stream.octets)
            sentReports = sentReports.suffix(Self.reportsKept)
            sentReports.append(SentReport(ssrc: stream.ssrc, middle: info.ntp.middle, at: now))
            sendRTCP { writer, bytes in
                writer.appendSenderReport(info, in: &bytes)
                writer.appendCNAME(cname, for: info.ssrc, in: &bytes)
            }
        }
    }

    func sendBye() {
        let ssrcs = [source?.audioStream?.ssrc, source?.videoStream?.ssrc].compactMap { $0 }
        for ssrc in ssrcs.map(SSRC.init(rawValue:)) {
            sendRTCP { writer, bytes in
                writer.appendReceiverReport(from: ssrc, [], in: &bytes)
                writer.appendBye(ssrc, in: &bytes)
            }
        }
    }

    /// Ends the streams with a BYE and stops sending, the connection stays.
    package func leave() {
        sendBye()
        source = nil
    }

    func keyframeRequested(_ ssrc: SSRC, _ request: KeyframeRequest) {
        guard let stream = source?.videoStream, stream.ssrc == ssrc.rawValue else { return }
        events.append(.keyframeRequested(ssrc: stream.ssrc, request))
        if configuration.answersKeyframeRequests { source?.video.requestKeyframe() }
    }
}
