package import SigmaControl

/// What a streamer should change, since the video is hard to join or to show.
package struct Advice: Sendable, Equatable, Encodable {
    /// Stays the same from version to version.
    package let code: String
    /// What is wrong, and the setting that mends it.
    package let text: String

    /// Of all tracks of one publisher: one of each code, the most important first.
    package static func all(for tracks: [TrackTrouble]) -> [Advice] {
        let found = Set(tracks.flatMap(\.troubles))
        let interval = tracks.map(\.keyframeInterval).max() ?? 0
        return order.filter { found.contains($0) }.compactMap { Advice($0, interval: interval) }
    }

    /// What hides the picture comes before what delays it.
    private static let order: [Trouble] = [
        .bareKeyframes, .bFrames, .longKeyframeInterval, .beyondCache, .changingParameterSets,
    ]

    /// - Parameter interval: Between keyframes, milliseconds.
    /// - Returns: `nil` for a trouble of a newer media.
    private init?(_ trouble: Trouble, interval: UInt32) {
        switch trouble {
        case .bFrames:
            code = "b-frames"
            text =
                "The stream has B-frames: browsers show its pictures late, out of order or not at all. In OBS, "
                + "Settings, Output, Streaming: set B-frames to 0; with x264 choose the tune zerolatency or the "
                + "profile baseline. In FFmpeg: -bf 0."
        case .longKeyframeInterval:
            code = "long-keyframe-interval"
            text =
                "Keyframes are \(Self.seconds(interval)) s or more apart, and the encoder makes none when asked: a picture that "
                + "breaks stays broken until the next one. In OBS, Settings, Output, Streaming: set Keyframe "
                + "Interval to 2 s, or 1 s; 0 means 250 pictures. In FFmpeg: -g with twice the frame rate."
        case .bareKeyframes:
            code = "bare-keyframes"
            text =
                "Keyframes come without SPS and PPS: viewers who join may stay black. In OBS with x264, Encoder "
                + "Options: add repeat-headers=1. In FFmpeg: -bsf:v dump_extra=freq=keyframe."
        case .changingParameterSets:
            code = "changing-parameter-sets"
            text =
                "The size or format of the picture changes again and again: viewers see it stutter. In OBS: turn off "
                + "what changes bitrate or resolution by itself; in a browser: use a faster connection or a "
                + "smaller picture."
        case .beyondCache:
            code = "beyond-cache"
            text =
                "More has come since the last keyframe than is kept for newcomers: they see a still until the next one. "
                + "Set the keyframe interval to 2 s, or lower the bitrate."
        case .unspecified, .UNRECOGNIZED:
            return nil
        }
    }

    /// What a trouble is called, also by the audit.
    static func code(of trouble: Trouble) -> String {
        Advice(trouble, interval: 0)?.code ?? "trouble-\(trouble.rawValue)"
    }

    /// To a tenth.
    private static func seconds(_ milliseconds: UInt32) -> String {
        let tenths = (milliseconds / 100)
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}
