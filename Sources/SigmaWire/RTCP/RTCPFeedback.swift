/// The two SSRCs every feedback packet begins with (RFC 4585 §6.1).
package struct FeedbackSources: Equatable, Sendable {
    package let sender: SSRC
    package let media: SSRC

    package init?(_ packet: RTCPPacket, in compound: borrowing RTCPCompoundView) {
        guard
            packet.type == RTCP.PacketType.transportFeedback
                || packet.type == RTCP.PacketType.payloadFeedback
        else { return nil }
        let bytes = compound.bytes
        sender = SSRC(rawValue: bytes.bigEndian(UInt32.self, at: packet.body.lowerBound))
        media = SSRC(rawValue: bytes.bigEndian(UInt32.self, at: packet.body.lowerBound + 4))
    }
}

extension RTCPPacket {
    package var isPictureLossIndication: Bool {
        type == RTCP.PacketType.payloadFeedback && count == RTCP.Format.pictureLossIndication
    }

    package var isFullIntraRequest: Bool {
        type == RTCP.PacketType.payloadFeedback && count == RTCP.Format.fullIntraRequest
    }

    package var isGenericNACK: Bool {
        type == RTCP.PacketType.transportFeedback && count == RTCP.Format.genericNACK
    }

    /// Source `index` of a BYE (RFC 3550 §6.6); `nil` past the last.
    package func leavingSource(_ index: Int, in compound: borrowing RTCPCompoundView) -> SSRC? {
        guard type == RTCP.PacketType.bye, index >= 0, index < Int(count) else { return nil }
        return SSRC(rawValue: compound.bytes.bigEndian(UInt32.self, at: body.lowerBound + 4 * index))
    }
}

/// One FCI entry of a Full Intra Request (RFC 5104 §4.3.1.1).
package struct FIREntry: Equatable, Sendable {
    package let ssrc: SSRC
    /// A repeated number is the same request again.
    package let sequenceNumber: UInt8

    package init?(_ index: Int, of packet: RTCPPacket, in compound: borrowing RTCPCompoundView) {
        let start = packet.body.lowerBound + 8 + 8 * index
        guard packet.isFullIntraRequest, index >= 0, start + 8 <= packet.body.upperBound else { return nil }
        ssrc = SSRC(rawValue: compound.bytes.bigEndian(UInt32.self, at: start))
        sequenceNumber = compound.bytes.octet(at: start + 4)
    }
}

/// One FCI entry of a generic NACK: a lost packet and the 16 after it (RFC 4585 §6.2.1).
package struct NACKEntry: Equatable, Sendable {
    package let packetID: UInt16
    /// Bit i: packet `packetID` + i + 1 is lost as well.
    package let followingLost: UInt16

    package init(packetID: UInt16, followingLost: UInt16) {
        self.packetID = packetID
        self.followingLost = followingLost
    }

    package init?(_ index: Int, of packet: RTCPPacket, in compound: borrowing RTCPCompoundView) {
        let start = packet.body.lowerBound + 8 + 4 * index
        guard packet.isGenericNACK, index >= 0, start + 4 <= packet.body.upperBound else { return nil }
        packetID = compound.bytes.bigEndian(UInt16.self, at: start)
        followingLost = compound.bytes.bigEndian(UInt16.self, at: start + 2)
    }
}
