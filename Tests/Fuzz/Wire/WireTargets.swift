import SigmaWire

/// The parsers of `SigmaWire`: whatever they take is read to its end, inside its bounds.
let targets: [String: FuzzTarget] = [
    "datagram": { readKind(RawSpan(_unsafeBytes: $0)) },
    "stun": { readSTUN(RawSpan(_unsafeBytes: $0)) },
    "rtp": { readRTP(RawSpan(_unsafeBytes: $0)) },
    "rtcp": { readRTCP(RawSpan(_unsafeBytes: $0)) },
    "h264": { readPayload(RawSpan(_unsafeBytes: $0)) },
    "sps": { readParameterSet(RawSpan(_unsafeBytes: $0)) },
]

/// RFC 7983 §7, then whatever parser the kind leads to.
private func readKind(_ bytes: RawSpan) -> Int {
    switch DatagramKind(bytes) {
    case .stun: return 1 &+ readSTUN(bytes)
    case .rtp: return 2 &+ readRTP(bytes)
    case .rtcp: return 3 &+ readRTCP(bytes)
    case .dtls:
        expect(bytes.byteCount >= 2, "DTLS has a record head")
        return 4
    case .unknown: return 5
    }
}

// MARK: STUN (RFC 8489)

/// As it is, and once more behind a right FINGERPRINT, which no mutation finds.
private func readSTUN(_ bytes: RawSpan) -> Int {
    let plain = readMessage(bytes)
    guard bytes.byteCount >= STUN.headerLength, bytes.byteCount < 1500 else { return plain }
    var sealed = bytes.array(0..<bytes.byteCount)
    let length = sealed.count - STUN.headerLength + STUN.fingerprintAttributeLength
    sealed.replace(bigEndian: UInt16(length), at: 2)
    let sum = CRC32.checksum(sealed.span.bytes) ^ STUN.fingerprintMask
    sealed.append(bigEndian: STUN.Attribute.fingerprint)
    sealed.append(bigEndian: UInt16(4))
    sealed.append(bigEndian: sum)
    return plain &+ readMessage(sealed.span.bytes)
}

private func readMessage(_ bytes: RawSpan) -> Int {
    guard let message = try? STUNMessageView(bytes) else { return 0 }
    var sum = Int(message.method) &+ Int(message.messageClass.rawValue)
    if let username = message.username {
        expect(username.upperBound <= bytes.byteCount, "USERNAME runs past the message")
        sum &+= message.bytes.array(username).count
    }
    if let offset = message.integrityOffset {
        expect(offset + STUN.integrityAttributeLength <= bytes.byteCount, "MESSAGE-INTEGRITY runs past it")
        sum &+= Int(message.integrityLengthField ?? 0)
    }
    sum &+= message.hasFingerprint ? 1 : 0
    sum &+= message.useCandidate ? 1 : 0
    sum &+= Int(truncatingIfNeeded: message.iceControlling ?? 0)
    sum &+= Int(truncatingIfNeeded: message.iceControlled ?? 0)
    sum &+= Int(message.priority ?? 0) &+ Int(message.unknownRequired ?? 0) &+ (message.errorCode ?? 0)
    if let address = message.mappedAddress {
        var copy = STUNMessageBuilder(.success, transaction: message.transaction)
        copy.appendXORMappedAddress(address)
        let found = (try? STUNMessageView(copy.bytes.span.bytes))?.mappedAddress
        expect(found == address, "XOR-MAPPED-ADDRESS does not survive writing")
        sum &+= address.description.utf8.count
    }
    return sum
}

// MARK: RTP (RFC 3550, RFC 8285)

private func readRTP(_ bytes: RawSpan) -> Int {
    guard let packet = try? RTPPacketView(bytes) else { return 0 }
    let payload = packet.payloadRange
    expect(payload.lowerBound >= RTP.fixedHeaderLength, "the payload begins in the header")
    expect(payload.upperBound <= bytes.byteCount, "the payload runs past the packet")
    var sum = Int(packet.sequenceNumber) &+ Int(packet.timestamp) &+ Int(packet.ssrc.rawValue)
    sum &+= Int(packet.payloadType) &+ (packet.marker ? 1 : 0)
    var walk = packet.headerExtensions
    var elements = 0
    while let element = walk.next(in: packet.bytes) {
        elements += 1
        expect(element.id != 0, "id 0 is padding")
        let end = packet.extensionData.upperBound
        expect(element.value.upperBound <= end, "an extension runs past its block")
        sum &+= packet.bytes.array(element.value).count
    }
    expect(elements <= bytes.byteCount, "extensions without end")
    let highest = UInt64(packet.timestamp)
    let index = SequenceNumber.extend(packet.sequenceNumber, near: highest)
    expect(UInt16(truncatingIfNeeded: index) == packet.sequenceNumber, "the index lost its number")
    return sum &+ readPayload(packet.payload)
}

// MARK: RTCP (RFC 3550, RFC 4585, RFC 5104)

private func readRTCP(_ bytes: RawSpan) -> Int {
    guard let compound = try? RTCPCompoundView(bytes) else { return 0 }
    var sum = 0
    var packets = compound.packets
    var end = 0
    while let packet = packets.next(in: compound) {
        expect(packet.body.lowerBound >= end + RTCP.headerLength, "two packets overlap")
        expect(packet.body.upperBound <= bytes.byteCount, "a packet runs past the compound")
        end = packet.body.upperBound
        sum &+= readReport(packet, compound) &+ readFeedback(packet, compound)
        sum &+= readBandwidth(packet, compound)
    }
    expect(end > 0, "a compound of nothing")
    return sum
}

private func readReport(_ packet: RTCPPacket, _ compound: borrowing RTCPCompoundView) -> Int {
    var sum = 0
    if let info = SenderInfo(packet, in: compound) {
        sum &+= Int(truncatingIfNeeded: info.ntp.nanoseconds) &+ Int(info.ntp.middle)
        var bytes = [UInt8](repeating: 0, count: 28)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        var writer = RTCPWriter()
        writer.appendSenderReport(info, in: &raw)
        expect(reread(raw.bytes) == info, "sender information does not survive writing")
    }
    for index in 0...32 {
        guard let block = ReportBlock(index, of: packet, in: compound) else { break }
        sum &+= Int(block.cumulativeLost) &+ Int(block.jitter) &+ Int(block.highestSequenceNumber)
    }
    for index in 0...32 { sum &+= Int(packet.leavingSource(index, in: compound)?.rawValue ?? 0) }
    return sum
}

private func reread(_ bytes: RawSpan) -> SenderInfo? {
    guard let compound = try? RTCPCompoundView(bytes) else { return nil }
    var packets = compound.packets
    guard let packet = packets.next(in: compound) else { return nil }
    return SenderInfo(packet, in: compound)
}

private func readFeedback(_ packet: RTCPPacket, _ compound: borrowing RTCPCompoundView) -> Int {
    var sum = packet.isPictureLossIndication ? 1 : 0
    if let sources = FeedbackSources(packet, in: compound) {
        sum &+= Int(sources.sender.rawValue) &+ Int(sources.media.rawValue)
    }
    var index = 0
    while let entry = NACKEntry(index, of: packet, in: compound) {
        sum &+= Int(entry.packetID) &+ Int(entry.followingLost)
        index += 1
    }
    index = 0
    while let entry = FIREntry(index, of: packet, in: compound) {
        sum &+= Int(entry.ssrc.rawValue) &+ Int(entry.sequenceNumber)
        index += 1
    }
    return sum
}

/// Transport-wide feedback and REMB.
private func readBandwidth(_ packet: RTCPPacket, _ compound: borrowing RTCPCompoundView) -> Int {
    var sum = 0
    if let feedback = TransportFeedbackView(packet, in: compound) {
        var statuses = feedback.statuses
        var count = 0
        while let status = statuses.next(in: compound) {
            expect(status.number == feedback.baseNumber &+ UInt16(count), "a status has another's number")
            sum &+= Int(truncatingIfNeeded: status.arrival ?? 1)
            count += 1
        }
        expect(count == feedback.statusCount, "statuses are missing")
    }
    if let estimate = ReceiverEstimatedBitrate(packet, in: compound) {
        sum &+= Int(truncatingIfNeeded: estimate.bitrate)
        for index in 0..<estimate.ssrcCount {
            expect(estimate.ssrc(index, in: compound) != nil, "an SSRC is missing")
        }
    }
    return sum
}

// MARK: H.264 (RFC 6184)

private func readPayload(_ bytes: RawSpan) -> Int {
    guard let payload = try? H264Payload(bytes) else { return 0 }
    var sum = payload.containsOtherPicture ? 1 : 0
    if let range = payload.pictureParameterSet {
        expect(range.upperBound <= bytes.byteCount, "the PPS runs past the payload")
        sum &+= range.count
    }
    if let range = payload.sequenceParameterSet {
        expect(range.upperBound <= bytes.byteCount, "the SPS runs past the payload")
        sum &+= readParameterSet(bytes.extracting(range))
    }
    return sum
}

private func readParameterSet(_ bytes: RawSpan) -> Int {
    guard let set = try? H264SequenceParameterSet(bytes) else { return 0 }
    expect(set.width > 0 && set.height > 0, "a picture without size")
    expect(set.width <= 16_384 && set.height <= 32_768, "a picture larger than its macroblocks")
    return set.width &+ set.height &+ Int(set.profileLevelID)
}
