internal import SigmaWire

// Where the parts of a record lie, and which of its octets may not hold every value.

extension SessionRecord {
    static let commitOffset = OctetRule.offset(of: \SessionRecord.commit)
    static let generationOffset = OctetRule.offset(of: \SessionRecord.generation)

    /// Where copy 0 or 1 of ``cold`` lies.
    package static func coldRange(_ copy: Int) -> Range<Int> {
        let start = firstCold + (copy & 1) * MemoryLayout<ColdRecord>.stride
        return start..<(start + MemoryLayout<ColdRecord>.size)
    }

    private static let firstCold = OctetRule.offset(of: \SessionRecord.cold)

    /// Of everything but ``cold``, whose octets are trusted once the checksum is right and the rules of
    /// ``ColdRecord`` hold.
    package static let hotRules: [OctetRule] =
        OctetRule.rules(ICELiteAgent.octetRules, at: OctetRule.offset(of: \SessionRecord.agent))
        + OctetRule.rules(
            IngressRecord.octetRules, at: OctetRule.offset(of: \SessionRecord.ingress), count: 8,
            stride: MemoryLayout<IngressRecord>.stride)
}

extension ColdRecord {
    package static let octetRules: [OctetRule] =
        [
            .cases(of: \ColdRecord.role), .cases(of: \ColdRecord.state), .flag(\ColdRecord.isDTLSClient),
            .flag(\ColdRecord.isPaused),
        ]
        + OctetRule.rules(
            MediaLineRecord.octetRules, at: OctetRule.offset(of: \ColdRecord.media), count: 8,
            stride: MemoryLayout<MediaLineRecord>.stride)

    /// Where ``checksum`` lies, the last field: it covers all before it.
    package static let checksumOffset = OctetRule.offset(of: \ColdRecord.checksum)

    /// Over the octets of a copy as they lie in the slab, padding included, and over the words of the record
    /// that say whose copy it is and which.
    ///
    /// - Parameter octets: At least ``checksumOffset`` of them.
    package static func checksum(_ octets: RawSpan, commit: UInt64, generation: UInt32) -> UInt32 {
        var words: [UInt8] = []
        words.append(bigEndian: commit)
        words.append(bigEndian: generation)
        let sum = CRC32.checksum(unsafe words.span.bytes)
        return CRC32.checksum(octets.extracting(0..<checksumOffset), after: sum)
    }
}

extension MediaLineRecord {
    package static let octetRules: [OctetRule] = [
        .cases(of: \MediaLineRecord.kind), .cases(of: \MediaLineRecord.codec),
    ]
}

extension IngressRecord {
    package static let octetRules: [OctetRule] =
        [.flag(\IngressRecord.isUsed), .flag(\IngressRecord.hasRTP), .flag(\IngressRecord.hasRTCP)]
        + OctetRule.rules(MediaTimeline.octetRules, at: OctetRule.offset(of: \IngressRecord.timeline))
}
