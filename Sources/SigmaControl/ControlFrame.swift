/// The frame of the control protocol: a length of 4 octets, big-endian, and that many octets of a message.
///
/// ```
///  0                   1                   2                   3
/// +---------------------------------------------------------------+
/// |                  length, 1 to 65536 octets                    |
/// +---------------------------------------------------------------+
/// |                  one ClientMessage or MediaMessage            |
/// ```
package enum ControlFrame {
    /// The longest message, in octets.
    package static let maximumLength = 65_536
    /// The length field, in octets.
    package static let headerLength = 4

    /// The frame around `payload`, ready to be written.
    ///
    /// - Throws: ``FrameError`` for an empty payload or one beyond ``maximumLength``.
    package static func encode(_ payload: [UInt8]) throws(FrameError) -> [UInt8] {
        guard !payload.isEmpty else { throw .empty }
        guard payload.count <= maximumLength else { throw .tooLong(payload.count) }
        var frame: [UInt8] = []
        frame.reserveCapacity(headerLength + payload.count)
        let length = UInt32(payload.count)
        for shift in [24, 16, 8, 0] as [UInt32] {
            frame.append(UInt8(truncatingIfNeeded: length >> shift))
        }
        frame += payload
        return frame
    }
}

/// A frame that ends the connection it came over.
package enum FrameError: Error, Equatable {
    /// The length is 0: no message is empty.
    case empty
    /// The length, in octets, is beyond ``ControlFrame/maximumLength``.
    case tooLong(Int)
}
