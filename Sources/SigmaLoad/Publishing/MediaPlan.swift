package import SigmaPeer

/// When a publisher sends which packet: pictures and audio, at once or spread over the time of a picture.
package struct MediaPlan {
    package enum Pacing: String, Sendable {
        /// All packets of a picture at once, as OBS and FFmpeg send.
        case burst
        /// Spread evenly over the time until the next picture, as browsers do.
        case paced
    }

    package struct Packet {
        package let kind: MediaKind
        package var payload: [UInt8]
        /// When it is due, and when its picture was, ns of the monotonic clock.
        package let due: Int64
        package let captured: Int64
        package let marker: Bool
    }

    private enum Pictures {
        case synthetic(SyntheticVideo)
        case file(H264File, next: Int, counter: UInt32)
    }

    private let settings: SyntheticVideo.Settings
    private let pacing: Pacing
    private let began: Int64
    private var pictures: Pictures
    private var audio = SyntheticAudio()
    private var picture = 0
    /// Of the current picture.
    private var waiting: ArraySlice<Packet> = []

    /// - Parameters:
    ///   - file: Instead of synthetic pictures; repeated for ever.
    ///   - start: When the first picture is due, ns of the monotonic clock.
    package init(_ settings: SyntheticVideo.Settings, _ pacing: Pacing, file: H264File?, from start: Int64) {
        self.settings = settings
        self.pacing = pacing
        began = start
        // Begins at no small number, so that a filler unit holds no start code.
        if let file {
            pictures = .file(file, next: 0, counter: 0x1010_1010)
        } else {
            pictures = .synthetic(SyntheticVideo(settings))
        }
    }

    private var nextPictureTime: Int64 {
        began + Int64(picture) * 1_000_000_000 / Int64(settings.framesPerSecond)
    }

    /// When ``next(at:)`` has something.
    package var deadline: Int64 {
        min(waiting.first?.due ?? nextPictureTime, began + audio.nextPacketTime)
    }

    /// The next packet that is due, stamped with `now`; `nil` when there is none.
    package mutating func next(at now: Int64) -> Packet? {
        let audioTime = began + audio.nextPacketTime
        if audioTime <= now {
            var payload = audio.nextPayload()
            SyntheticAudio.stamp(&payload, with: SendTime.mark(now))
            return Packet(kind: .audio, payload: payload, due: audioTime, captured: audioTime, marker: true)
        }
        if waiting.isEmpty, nextPictureTime <= now { makePicture() }
        guard var packet = waiting.first, packet.due <= now else { return nil }
        waiting.removeFirst()
        if isStamped(packet.payload) { SyntheticVideo.stamp(&packet.payload, with: SendTime.mark(now)) }
        return packet
    }

    /// Of a file only the STAP-A of ours holds a pattern.
    private func isStamped(_ payload: [UInt8]) -> Bool {
        switch pictures {
        case .synthetic: true
        case .file: payload.first == 0x78
        }
    }

    /// The next picture will be a keyframe; a file goes on as it is.
    package mutating func requestKeyframe() {
        guard case .synthetic(var video) = pictures else { return }
        video.requestKeyframe()
        pictures = .synthetic(video)
    }

    private mutating func makePicture() {
        let time = nextPictureTime
        picture += 1
        let spread = pacing == .paced ? nextPictureTime - time : 0
        let payloads = nextPayloads()
        waiting =
            payloads.enumerated().map { index, payload in
                Packet(
                    kind: .video, payload: payload, due: time + spread * Int64(index) / Int64(payloads.count),
                    captured: time, marker: index == payloads.count - 1)
            }[...]
    }

    private mutating func nextPayloads() -> [[UInt8]] {
        switch pictures {
        case .synthetic(var video):
            let frame = video.nextFrame()
            pictures = .synthetic(video)
            return frame.payloads
        case .file(let file, let next, var counter):
            let payloads = H264File.payloads(
                file.pictures[next % file.pictures.count], largest: settings.largestPayload,
                cut: settings.cut, counter: &counter)
            pictures = .file(file, next: next + 1, counter: counter)
            return payloads
        }
    }
}

/// The moment of sending in a test pattern: ns of the monotonic clock, with a mark, since other publishers'
/// payloads look like a pattern now and then.
package enum SendTime {
    private static let markBit: Int64 = 1 << 62
    /// A latency above is none, ns.
    private static let longest: Int64 = 60_000_000_000

    package static func mark(_ now: Int64) -> Int64 { now | markBit }

    /// - Returns: Nanoseconds from the sending to `arrival`; `nil` when the time is not marked, or absurd.
    package static func latency(of time: Int64, at arrival: Int64) -> Int64? {
        guard time & ~(markBit - 1) == markBit else { return nil }
        let latency = arrival - (time & (markBit - 1))
        return (-1_000_000...longest).contains(latency) ? max(0, latency) : nil
    }
}
