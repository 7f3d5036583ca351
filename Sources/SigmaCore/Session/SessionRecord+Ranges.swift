internal import SigmaWire

// What every field of a record that is in use may hold; the loader's second look, after the octets.

extension SessionRecord {
    /// - Parameters:
    ///   - slot: Where the record lies; our ufrag repeats it.
    ///   - now: No moment in the record may be later.
    /// - Throws: The first fault.
    func check(slot: Int, at now: Instant) throws(RecordFault) {
        let cold = current
        try cold.check(slot: slot, at: now)
        guard agent.isSound(at: now) else { throw .path }
        guard nextSRTCPIndex <= 1 << 31, nextTransportCCNumber < 1 << 48 else { throw .egress }
        for place in egress.indices {
            let line = cold.role == .viewer && place < Int(cold.mediaCount) ? cold.media[place] : nil
            guard egress[place].isSound(for: line) else { throw .egress }
        }
        var ssrcs: Set<UInt32> = []
        guard Int(retiredCount) <= retired.count else { throw .ingress }
        for place in ingress.indices where ingress[place].isUsed {
            guard ingress[place].isSound(lines: cold.mediaCount, at: now),
                ssrcs.insert(ingress[place].ssrc).inserted, !isRetired(ingress[place].ssrc)
            else { throw .ingress }
        }
        // LSR and DLSR wrap after 65 536 s (RFC 3550 §6.4.1).
        guard (0...65_536_000_000_000).contains(counters.roundTripTime) else { throw .counters }
    }
}

extension ColdRecord {
    func check(slot: Int, at now: Instant) throws(RecordFault) {
        guard RoomID(rawValue: roomID.rawValue) != nil else { throw .roomID }
        guard openedAt >= .zero, openedAt <= now else { throw .time }
        try checkCredentials(slot: slot)
        guard let digestLength = Self.digestLengths[fingerprintHash], fingerprint.isSound,
            fingerprint.count == digestLength
        else { throw .fingerprint }
        guard keys.isSound, closeNotify.isSound, Self.profiles.contains(srtpProfile),
            keys.isEmpty == (srtpProfile == 0)
        else { throw .keys }
        try checkMedia()
    }

    private func checkCredentials(slot: Int) throws(RecordFault) {
        guard localUfrag.isSound, localPassword.isSound, previousUfrag.isSound, previousPassword.isSound,
            remoteUfrag.isSound
        else { throw .credentials }
        guard unsafe ICECredentials.slot(ofUfrag: localUfrag.octets.span.bytes) == UInt32(slot),
            localPassword.count == Self.passwordLength
        else { throw .credentials }
        let isRestarting = !previousUfrag.isEmpty
        guard
            unsafe !isRestarting
                || ICECredentials.slot(ofUfrag: previousUfrag.octets.span.bytes) == UInt32(slot),
            previousPassword.count == (isRestarting ? Self.passwordLength : 0)
        else { throw .credentials }
        // RFC 8839 §5.4.
        guard (4...256).contains(remoteUfrag.count) else { throw .credentials }
    }

    private func checkMedia() throws(RecordFault) {
        let limit: UInt8 = role == .viewer ? 4 : 8
        guard (1...limit).contains(mediaCount), cname.isSound else { throw .media }
        for place in rids.indices where !rids[place].isSound { throw .media }
        var ssrcs: Set<UInt32> = []
        for place in 0..<Int(mediaCount) {
            guard media[place].isSound else { throw .media }
            guard role == .viewer else { continue }
            // One SSRC twice under one key would be one nonce twice.
            guard media[place].ssrc != 0, ssrcs.insert(media[place].ssrc).inserted,
                !media[place].hasRTX || ssrcs.insert(media[place].rtxSSRC).inserted
            else { throw .media }
        }
    }

    private static let passwordLength: UInt16 = 32
    /// Octets by the number of the hash: SHA-256, SHA-384, SHA-512.
    private static let digestLengths: [UInt8: UInt16] = [1: 32, 2: 48, 3: 64]
    /// None yet; SRTP_AES128_CM_HMAC_SHA1_80 (RFC 5764 §4.1.2); SRTP_AEAD_AES_128_GCM (RFC 7714 §14.2).
    private static let profiles: Set<UInt16> = [0, 1, 7]
}

extension MediaLineRecord {
    /// Hz; what RTP payload formats use.
    package static let clockRates: ClosedRange<UInt32> = 8_000...192_000

    /// 72 to 76 would read as RTCP on the shared port; the range is kept as wide as RFC 5761 §4 says.
    package static func isPayloadType(_ value: UInt8) -> Bool {
        (1...127).contains(value) && !(64...95).contains(value)
    }

    fileprivate var isSound: Bool {
        guard mid.isSound, Self.isPayloadType(payloadType),
            rtxPayloadType == 0 || Self.isPayloadType(rtxPayloadType),
            Self.clockRates.contains(clockRate), feedback.rawValue < 64
        else { return false }
        for place in extensionIDs.indices where extensionIDs[place] > 14 { return false }
        return true
    }
}

extension EgressRecord {
    /// An SRTP index has 48 bits: the rollover counter and the sequence number (RFC 3711 §3.3.1).
    package static let indexLimit: UInt64 = 1 << 48

    /// - Parameter line: What it sends; `nil` when it must be free.
    fileprivate func isSound(for line: MediaLineRecord?) -> Bool {
        guard let line else { return ssrc == 0 && nextIndex == 0 && nextRTXIndex == 0 && packets == 0 }
        // Each packet took an index of its own, so there are at least as many indices.
        guard ssrc == line.ssrc, payloadType == line.payloadType, nextIndex > 0,
            nextIndex <= Self.indexLimit, packets < nextIndex, newestChange < Self.indexLimit,
            nextRTXIndex <= Self.indexLimit, (nextRTXIndex > 0) == line.hasRTX
        else { return false }
        var latest = nextIndex
        for age in 0...min(newestChange, UInt64(changes.count - 1)) {
            let change = changes[Int((newestChange - age) % UInt64(changes.count))]
            guard change.firstIndex < latest else { return false }
            latest = change.firstIndex
        }
        return true
    }
}

extension IngressRecord {
    fileprivate func isSound(lines: UInt8, at now: Instant) -> Bool {
        guard mediaLine < lines, rid.isSound, lastHeard <= now, highestIndex < 1 << 48, srtcpIndex < 1 << 31
        else { return false }
        // The highest index was seen, so its place in the window says so.
        return !(hasRTP && isNew(highestIndex)) && !(hasRTCP && isNewRTCP(srtcpIndex))
    }
}
