package import SigmaWire

/// What came to one viewer, counted by the plain RTP headers, without a copy and without an object per packet.
package struct ViewerCounter: Sendable {
    /// Streams beyond these are counted as ``strays``.
    package static let streamLimit = 4

    private var streams = InlineArray<4, StreamCounter>(repeating: StreamCounter(ssrc: 0, first: 0))
    private var used = 0
    /// Datagrams that look like RTP and belong to no stream we have room for.
    package private(set) var strays = 0

    package init() {}

    /// Counts the datagrams that are RTP among joined ones.
    ///
    /// - Parameters:
    ///   - bytes: Datagrams one after the other, as `UDP_GRO` hands them over.
    ///   - segmentLength: Octets of each, at least 1; the last one may have fewer.
    /// - Returns: How many are no RTP: somebody else has to look at them.
    package mutating func note(_ bytes: RawSpan, segmentLength: Int) -> Int {
        var others = 0
        var segments = Segments(byteCount: bytes.byteCount, segmentLength: segmentLength)
        while let segment = segments.next() {
            guard Self.isRTP(bytes, segment) else {
                others += 1
                continue
            }
            note(
                bytes.bigEndian(UInt32.self, at: segment.lowerBound + 8),
                bytes.bigEndian(UInt16.self, at: segment.lowerBound + 2), segment.count)
        }
        return others
    }

    /// By the first two octets (RFC 7983 §7, RFC 5761 §4), with room for a header.
    package static func isRTP(_ bytes: RawSpan, _ segment: Range<Int>) -> Bool {
        guard segment.count >= RTP.fixedHeaderLength, segment.upperBound <= bytes.byteCount else {
            return false
        }
        return bytes.octet(at: segment.lowerBound) & 0xC0 == 0x80
            && !(192...223).contains(bytes.octet(at: segment.lowerBound + 1))
    }

    private mutating func note(_ ssrc: UInt32, _ number: UInt16, _ octets: Int) {
        for index in 0..<used where streams[index].ssrc == ssrc {
            streams[index].note(number, octets: octets)
            return
        }
        guard used < Self.streamLimit else {
            strays += 1
            return
        }
        streams[used] = StreamCounter(ssrc: ssrc, first: number)
        streams[used].note(number, octets: octets)
        used += 1
    }

    package var tally: Tally {
        var sum = Tally()
        for index in 0..<used {
            sum.packets += streams[index].packets
            sum.octets += streams[index].octets
            sum.expected += streams[index].expected
            sum.duplicates += streams[index].duplicates
            sum.outOfOrder += streams[index].outOfOrder
        }
        return sum
    }

    package mutating func takeReports() -> [ReportBlock] { (0..<used).map { streams[$0].takeReport() } }
}

/// The datagrams in one that the kernel has joined (UDP_GRO): all of one length, the last one perhaps
/// shorter.
package struct Segments: Sendable {
    private let byteCount: Int
    private let segmentLength: Int
    private var start = 0

    package init(byteCount: Int, segmentLength: Int) {
        self.byteCount = byteCount
        self.segmentLength = max(1, segmentLength)
    }

    package mutating func next() -> Range<Int>? {
        guard start < byteCount else { return nil }
        let end = segmentLength < byteCount - start ? start + segmentLength : byteCount
        defer { start = end }
        return start..<end
    }
}
