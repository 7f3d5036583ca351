/// Writes a compound RTCP datagram packet by packet.
///
/// Holds only the offset; the buffer is passed to each call and must have room for what is written:
/// 28 + 24 n octets for a report, 16 + CNAME for a description, 12 to 20 for feedback.
///
/// - SeeAlso: RFC 3550 §6; RFC 4585 §6; RFC 5104 §4.3.1
package struct RTCPWriter: Sendable {
    /// Octets written so far.
    package private(set) var length = 0

    package init() {}

    @_lifetime(bytes: copy bytes)
    mutating func begin(_ type: UInt8, count: UInt8, words: Int, in bytes: inout MutableRawSpan) {
        bytes.store(bigEndian: 0x80 | count & 0x1F, at: length)
        bytes.store(bigEndian: type, at: length + 1)
        bytes.store(bigEndian: UInt16(truncatingIfNeeded: words), at: length + 2)
        length += RTCP.headerLength
    }

    @_lifetime(bytes: copy bytes)
    mutating func append(_ value: UInt32, in bytes: inout MutableRawSpan) {
        bytes.store(bigEndian: value, at: length)
        length += 4
    }

    /// An SR without report blocks (RFC 3550 §6.4.1).
    @_lifetime(bytes: copy bytes)
    package mutating func appendSenderReport(_ info: SenderInfo, in bytes: inout MutableRawSpan) {
        begin(RTCP.PacketType.senderReport, count: 0, words: 6, in: &bytes)
        append(info.ssrc.rawValue, in: &bytes)
        append(UInt32(truncatingIfNeeded: info.ntp.rawValue >> 32), in: &bytes)
        append(UInt32(truncatingIfNeeded: info.ntp.rawValue), in: &bytes)
        append(info.rtpTimestamp, in: &bytes)
        append(info.packetCount, in: &bytes)
        append(info.octetCount, in: &bytes)
    }

    /// An RR (RFC 3550 §6.4.2).
    ///
    /// - Parameter blocks: At most 31; the rest is left out.
    @_lifetime(bytes: copy bytes)
    package mutating func appendReceiverReport(
        from sender: SSRC, _ blocks: [ReportBlock], in bytes: inout MutableRawSpan
    ) {
        let blocks = blocks.prefix(31)
        begin(
            RTCP.PacketType.receiverReport, count: UInt8(blocks.count), words: 1 + 6 * blocks.count,
            in: &bytes)
        append(sender.rawValue, in: &bytes)
        for block in blocks {
            append(block.ssrc.rawValue, in: &bytes)
            append(
                UInt32(block.fractionLost) << 24 | UInt32(bitPattern: block.cumulativeLost) & 0xFF_FFFF,
                in: &bytes)
            append(block.highestSequenceNumber, in: &bytes)
            append(block.jitter, in: &bytes)
            append(block.lastSR, in: &bytes)
            append(block.delaySinceLastSR, in: &bytes)
        }
    }

    /// An SDES with one CNAME (RFC 3550 §6.5.1).
    ///
    /// - Parameter cname: At most 255 octets; the rest is left out.
    @_lifetime(bytes: copy bytes)
    package mutating func appendCNAME(
        _ cname: [UInt8], for ssrc: SSRC, in bytes: inout MutableRawSpan
    ) {
        let cname = cname.prefix(255)
        // The item list ends with at least one zero octet and is padded to a word.
        let chunk = (4 + 2 + cname.count + 1 + 3) & ~3
        begin(RTCP.PacketType.sourceDescription, count: 1, words: chunk / 4, in: &bytes)
        let end = length + chunk
        append(ssrc.rawValue, in: &bytes)
        bytes.store(bigEndian: UInt8(1), at: length)
        bytes.store(bigEndian: UInt8(cname.count), at: length + 1)
        length += 2
        for octet in cname {
            bytes.store(bigEndian: octet, at: length)
            length += 1
        }
        while length < end {
            bytes.store(bigEndian: UInt8(0), at: length)
            length += 1
        }
    }

    /// A BYE for one source, without a reason (RFC 3550 §6.6).
    @_lifetime(bytes: copy bytes)
    package mutating func appendBye(_ ssrc: SSRC, in bytes: inout MutableRawSpan) {
        begin(RTCP.PacketType.bye, count: 1, words: 1, in: &bytes)
        append(ssrc.rawValue, in: &bytes)
    }

    /// RFC 4585 §6.3.1.
    @_lifetime(bytes: copy bytes)
    package mutating func appendPictureLossIndication(
        from sender: SSRC, to media: SSRC, in bytes: inout MutableRawSpan
    ) {
        begin(
            RTCP.PacketType.payloadFeedback, count: RTCP.Format.pictureLossIndication, words: 2, in: &bytes)
        append(sender.rawValue, in: &bytes)
        append(media.rawValue, in: &bytes)
    }

    /// RFC 5104 §4.3.1: the media SSRC of the header is 0, the one meant stands in the entry.
    ///
    /// - Parameter sequenceNumber: One more for each new request, the same for a repetition.
    @_lifetime(bytes: copy bytes)
    package mutating func appendFullIntraRequest(
        from sender: SSRC, to media: SSRC, sequenceNumber: UInt8, in bytes: inout MutableRawSpan
    ) {
        begin(RTCP.PacketType.payloadFeedback, count: RTCP.Format.fullIntraRequest, words: 4, in: &bytes)
        append(sender.rawValue, in: &bytes)
        append(0, in: &bytes)
        append(media.rawValue, in: &bytes)
        append(UInt32(sequenceNumber) << 24, in: &bytes)
    }

    /// RFC 4585 §6.2.1.
    @_lifetime(bytes: copy bytes)
    package mutating func appendGenericNACK(
        from sender: SSRC, to media: SSRC, _ entries: [NACKEntry], in bytes: inout MutableRawSpan
    ) {
        let entries = entries.prefix(64)
        begin(
            RTCP.PacketType.transportFeedback, count: RTCP.Format.genericNACK, words: 2 + entries.count,
            in: &bytes)
        append(sender.rawValue, in: &bytes)
        append(media.rawValue, in: &bytes)
        for entry in entries {
            append(UInt32(entry.packetID) << 16 | UInt32(entry.followingLost), in: &bytes)
        }
    }
}
