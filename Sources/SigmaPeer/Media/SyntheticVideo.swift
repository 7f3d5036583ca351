/// Makes the RTP payloads of an H.264 stream that has the shape of a real one: parameter sets in a STAP-A,
/// keyframes and the pictures between in FU-A or single NAL units, of the bitrate asked for.
///
/// Nothing decodes it: slices hold a ``TestPattern``.
///
/// - SeeAlso: RFC 6184 §5.6, §5.7.1, §5.8
package struct SyntheticVideo: Sendable {
    package struct Settings: Equatable, Sendable {
        /// bit/s.
        package var bitrate: Int
        package var framesPerSecond: Int
        /// Seconds from one keyframe to the next.
        package var keyframeInterval: Int
        /// Octets of the largest RTP payload.
        package var largestPayload = 1100
        package var cut = Cut.even

        package init(bitrate: Int = 2_500_000, framesPerSecond: Int = 30, keyframeInterval: Int = 2) {
            self.bitrate = max(8_000, bitrate)
            self.framesPerSecond = min(240, max(1, framesPerSecond))
            self.keyframeInterval = max(1, keyframeInterval)
        }
    }

    /// How a picture becomes packets.
    package enum Cut: String, Equatable, Sendable {
        /// Full packets and a shorter last one, as OBS, FFmpeg and GStreamer cut.
        case full
        /// Pieces that differ by at most one octet, as browsers cut.
        case even

        /// Octets of each piece.
        ///
        /// - Parameter room: Octets of the largest piece.
        package func sizes(of octets: Int, room: Int) -> [Int] {
            let room = max(1, room)
            let count = max(1, (octets + room - 1) / room)
            return (0..<count).map { index in
                switch self {
                case .full: min(room, octets - index * room)
                case .even: octets / count + (index < octets % count ? 1 : 0)
                }
            }
        }
    }

    package let settings: Settings
    private var frame = 0
    private var framesSinceKeyframe = 0
    private var counter: UInt32 = 0
    private var keyframeWanted = true

    /// Constrained baseline, level 3.1, 1280x720, as x264 writes it.
    private static let sequenceParameterSet: [UInt8] = [
        0x67, 0x42, 0xC0, 0x1F, 0xD9, 0x00, 0x50, 0x05, 0xBB, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
        0x00,
        0x03, 0x03, 0xC0, 0xF1, 0x83, 0x24, 0x80,
    ]
    private static let pictureParameterSet: [UInt8] = [0x68, 0xCB, 0x83, 0xCB, 0x20]
    /// A keyframe has this many times the octets of another picture.
    private static let keyframeWeight = 6

    package init(_ settings: Settings) { self.settings = settings }

    package struct Frame {
        package let payloads: [[UInt8]]
        package let isKeyframe: Bool
    }

    /// The next picture will be a keyframe.
    package mutating func requestKeyframe() { keyframeWanted = true }

    /// Nanoseconds from the start to picture `index`.
    func time(ofFrame index: Int) -> Int64 {
        Int64(index) * 1_000_000_000 / Int64(settings.framesPerSecond)
    }

    package var nextFrameTime: Int64 { time(ofFrame: frame) }

    /// Leaves out the pictures that were due before `time`, and begins again with a keyframe.
    mutating func skip(to time: Int64) {
        while nextFrameTime < time { frame += 1 }
        keyframeWanted = true
    }

    package mutating func nextFrame() -> Frame {
        let interval = settings.keyframeInterval * settings.framesPerSecond
        let isKeyframe = keyframeWanted || framesSinceKeyframe >= interval
        let captureTime = nextFrameTime
        frame += 1
        framesSinceKeyframe = isKeyframe ? 1 : framesSinceKeyframe + 1
        keyframeWanted = false
        let share = settings.bitrate / 8 * settings.keyframeInterval / (interval - 1 + Self.keyframeWeight)
        let octets = max(TestPattern.length, isKeyframe ? share * Self.keyframeWeight : share)
        var payloads: [[UInt8]] = []
        if isKeyframe { payloads.append(parameterSets(captureTime)) }
        payloads += slice(header: isKeyframe ? 0x65 : 0x41, octets, captureTime)
        return Frame(payloads: payloads, isKeyframe: isKeyframe)
    }

    private mutating func pattern(_ count: Int, _ captureTime: Int64) -> [UInt8] {
        defer { counter &+= 1 }
        return TestPattern(counter: counter, captureTime: captureTime).octets(count)
    }

    /// SPS and PPS, and an SEI message that holds the pattern.
    private mutating func parameterSets(_ captureTime: Int64) -> [UInt8] {
        let units = [
            Self.sequenceParameterSet, Self.pictureParameterSet,
            [0x06] + pattern(TestPattern.length, captureTime),
        ]
        return units.reduce(into: [0x78]) { payload, unit in
            payload += [UInt8(unit.count >> 8), UInt8(unit.count & 0xFF)] + unit
        }
    }

    private mutating func slice(header: UInt8, _ octets: Int, _ captureTime: Int64) -> [[UInt8]] {
        let room = settings.largestPayload - 2
        guard octets > room else { return [[header] + pattern(octets, captureTime)] }
        // A last piece too short for the pattern is a little longer instead.
        let sizes = settings.cut.sizes(of: octets, room: room).map { max(TestPattern.length, $0) }
        return sizes.enumerated().map { index, size in
            let start: UInt8 = index == 0 ? 0x80 : 0
            let end: UInt8 = index == sizes.count - 1 ? 0x40 : 0
            return [header & 0xE0 | 28, start | end | header & 0x1F] + pattern(size, captureTime)
        }
    }

    /// The shortest pattern, with time 0: for who makes payloads of his own and wants them to be known again.
    package static func pattern(counter: UInt32) -> [UInt8] {
        TestPattern(counter: counter, captureTime: 0).octets(TestPattern.length)
    }

    /// Replaces the capture time of a payload of ``nextFrame()``, say by the moment it is sent at.
    package static func stamp(_ payload: inout [UInt8], with time: Int64) {
        guard let first = payload.first else { return }
        switch first & 0x1F {
        case 28: TestPattern.stamp(&payload, at: 2, with: time)
        case 24: TestPattern.stamp(&payload, at: payload.count - TestPattern.length, with: time)
        default: TestPattern.stamp(&payload, at: 1, with: time)
        }
    }

    /// The pattern in a payload of ``nextFrame()``; `nil` for a damaged one.
    static func pattern(in payload: ArraySlice<UInt8>) -> TestPattern? {
        guard let first = payload.first else { return nil }
        switch first & 0x1F {
        case 28: return TestPattern(payload.dropFirst(2))
        case 24: return TestPattern(payload.suffix(TestPattern.length))
        default: return TestPattern(payload.dropFirst(1))
        }
    }
}

/// Opus packets of 20 ms, in size and pace; the octets behind the TOC are a ``TestPattern``.
package struct SyntheticAudio: Sendable {
    /// Nanoseconds from one packet to the next.
    private let interval: Int64
    private var index = 0
    private var counter: UInt32 = 0

    package init(interval: Int64 = 20_000_000) { self.interval = max(1_000_000, interval) }

    /// Leaves out what was due before `time`.
    mutating func skip(to time: Int64) {
        while nextPacketTime < time { index += 1 }
    }

    /// Nanoseconds from the start to the next packet.
    package var nextPacketTime: Int64 { Int64(index) * interval }

    package mutating func nextPayload() -> [UInt8] {
        let pattern = TestPattern(counter: counter, captureTime: nextPacketTime)
        index += 1
        counter &+= 1
        // TOC: CELT, full band, 20 ms, stereo, one frame (RFC 6716 §3.1).
        return [0xFC] + pattern.octets(80)
    }

    /// Replaces the capture time of a payload of ``nextPayload()``.
    package static func stamp(_ payload: inout [UInt8], with time: Int64) {
        TestPattern.stamp(&payload, at: 1, with: time)
    }

    static func pattern(in payload: ArraySlice<UInt8>) -> TestPattern? { TestPattern(payload.dropFirst()) }
}
