package import SigmaWire

/// Finds where a decoder can begin in one H.264 stream: at an IDR picture that has its parameter sets.
///
/// They are in the same access unit, or right in front of it with a timestamp of their own. Packets may come in
/// any order: what completes the picture's beginning, whatever it is, is the packet that is told of.
///
/// - SeeAlso: RFC 6184 §5.1 (one timestamp for an access unit); ITU-T H.264 §7.4.1.2.1
package struct EntryPointFinder: Equatable, Sendable {
    /// The newest timestamp at which each was seen.
    private var sequenceParameterSet: UInt32?
    private var pictureParameterSet: UInt32?
    private var keyframe: UInt32?
    /// Of pictures that are no IDR, and of the IDR before the newest.
    private var otherPicture: UInt32?
    private var toldBare: UInt32?
    private var toldWhole: UInt32?

    package init() {}

    package enum Finding: Equatable, Sendable {
        case none
        /// An IDR picture begins whose parameter sets have not been seen: for those who have them already.
        case bareKeyframe
        /// All is there from the packets with timestamp `since` on.
        case keyframe(since: UInt32)
    }

    /// - Returns: Each finding once for a picture.
    package mutating func note(_ payload: H264Payload, timestamp: UInt32) -> Finding {
        if payload.sequenceParameterSet != nil { Self.advance(&sequenceParameterSet, to: timestamp) }
        if payload.pictureParameterSet != nil { Self.advance(&pictureParameterSet, to: timestamp) }
        if payload.containsOtherPicture { Self.advance(&otherPicture, to: timestamp) }
        if payload.startsIDR {
            if let before = keyframe, Self.isAhead(timestamp, of: before) {
                Self.advance(&otherPicture, to: before)
            }
            Self.advance(&keyframe, to: timestamp)
        }
        guard payload.startsIDR || payload.carriesParameterSets, let keyframe, keyframe != toldWhole else {
            return .none
        }
        if let first = sequenceParameterSet, let second = pictureParameterSet,
            belongs(first, to: keyframe), belongs(second, to: keyframe)
        {
            toldWhole = keyframe
            return .keyframe(since: Self.isAhead(first, of: second) ? second : first)
        }
        guard payload.startsIDR, timestamp == keyframe, toldBare != keyframe else { return .none }
        toldBare = keyframe
        return .bareKeyframe
    }

    /// Whether parameter sets seen at `timestamp` stand at the IDR picture or, with no other picture between,
    /// before it.
    private func belongs(_ timestamp: UInt32, to keyframe: UInt32) -> Bool {
        guard timestamp != keyframe else { return true }
        guard Self.isAhead(keyframe, of: timestamp) else { return false }
        return otherPicture.map { Self.isAhead(timestamp, of: $0) } ?? true
    }

    private static func advance(_ newest: inout UInt32?, to timestamp: UInt32) {
        if let known = newest, isAhead(known, of: timestamp) { return }
        newest = timestamp
    }

    private static func isAhead(_ a: UInt32, of b: UInt32) -> Bool { Int32(bitPattern: a &- b) > 0 }
}
