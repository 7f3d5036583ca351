extension RTCPWriter {
    /// Names lost packets, up to 17 of them in each entry (RFC 4585 §6.2.1).
    ///
    /// Writes nothing when there is no number or no room for one entry.
    ///
    /// - Parameters:
    ///   - numbers: In any order; repeated ones count once. All within 2¹⁵ of the first one.
    ///   - bytes: What does not fit between `length` and its end, or in 64 entries, is left out.
    /// - Returns: How many numbers stand in it, the oldest ones.
    @discardableResult
    @_lifetime(bytes: copy bytes)
    package mutating func appendGenericNACK(
        from sender: SSRC, to media: SSRC, _ numbers: [UInt16], in bytes: inout MutableRawSpan
    ) -> Int {
        let room = min(Self.entryLimit, (bytes.byteCount - length - Self.nackHeadLength) / 4)
        guard room > 0 else { return 0 }
        var entries: [NACKEntry] = []
        entries.reserveCapacity(room)
        var named = 0
        for number in Self.ascending(numbers) {
            if let last = entries.last {
                let distance = number &- last.packetID
                if distance == 0 { continue }
                if distance <= 16 {
                    let bit: UInt16 = 1 << (distance - 1)
                    if last.followingLost & bit == 0 { named += 1 }
                    entries[entries.count - 1] = NACKEntry(
                        packetID: last.packetID, followingLost: last.followingLost | bit)
                    continue
                }
            }
            guard entries.count < room else { break }
            entries.append(NACKEntry(packetID: number, followingLost: 0))
            named += 1
        }
        guard named > 0 else { return 0 }
        appendGenericNACK(from: sender, to: media, entries, in: &bytes)
        return named
    }

    /// From the oldest to the newest, over the wrap.
    private static func ascending(_ numbers: [UInt16]) -> [UInt16] {
        guard let origin = numbers.first else { return [] }
        func position(_ number: UInt16) -> Int16 { Int16(bitPattern: number &- origin) }
        let isAscending = zip(numbers, numbers.dropFirst()).allSatisfy { position($0) <= position($1) }
        // The usual case, which needs no copy.
        return isAscending ? numbers : numbers.sorted { position($0) < position($1) }
    }

    private static var entryLimit: Int { 64 }
    /// The RTCP header and both sources (RFC 4585 §6.1).
    private static var nackHeadLength: Int { 12 }
}
