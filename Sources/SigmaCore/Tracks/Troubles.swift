/// What in a publisher's video makes it hard to join or to show, however well it is forwarded.
///
/// Each is a statement about now, and goes when the stream has been without it for a while.
package struct Troubles: OptionSet, BitwiseCopyable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Pictures that are shown before ones that were sent earlier (ITU-T H.264 §3, B slice): browsers show them
    /// late or out of order.
    package static let bFrames = Troubles(rawValue: 1)
    /// No keyframe for longer than ``BitstreamFacts/longInterval``, from a publisher that makes none when asked.
    package static let longKeyframeInterval = Troubles(rawValue: 2)
    /// Keyframes come without their parameter sets: who joins at one sees nothing.
    package static let bareKeyframes = Troubles(rawValue: 4)
    /// Picture size or coding tools change again and again.
    package static let changingParameterSets = Troubles(rawValue: 8)
    /// More has come since the last keyframe than is kept, from a publisher that makes none when asked: who joins
    /// waits for the next one.
    package static let beyondCache = Troubles(rawValue: 16)
}

/// The troubles of one m-section of a publisher.
package struct TroubleFacts: Equatable, BitwiseCopyable, Sendable {
    package var mediaLine: UInt8
    package var troubles: Troubles
    /// Milliseconds: the longest of the last intervals between keyframes, the one that lasts included.
    package var keyframeInterval: UInt32

    package init(mediaLine: UInt8, troubles: Troubles, keyframeInterval: UInt32) {
        self.mediaLine = mediaLine
        self.troubles = troubles
        self.keyframeInterval = keyframeInterval
    }
}
