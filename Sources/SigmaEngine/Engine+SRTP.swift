internal import SigmaCore
internal import SigmaCrypto
internal import SigmaWire

// The windows and indices of SRTP lie in the session's record, the cipher contexts in its runtime: here they meet.
extension Engine {
    // MARK: In

    /// Decrypts a publisher's packet in place.
    ///
    /// - Returns: Octets of the plain packet and the index that authenticates it, which no other packet of its
    ///   source has; `nil` when it was not authentic or not new, counted.
    mutating func openRTP(
        _ datagram: inout MutableRawSpan, length: Int, slot: Int, arrival: Instant
    ) -> (length: Int, index: UInt64)? {
        if runtimes[slot].receiver == nil {
            holdBack(datagram.bytes.extracting(0..<length), slot: slot, isRTCP: false, arrival: arrival)
            return nil
        }
        guard length >= RTP.fixedHeaderLength else {
            counters.rtpMalformed &+= 1
            return nil
        }
        let source = datagram.bytes.bigEndian(UInt32.self, at: 8)
        let number = datagram.bytes.bigEndian(UInt16.self, at: 2)
        guard let place = slab[slot].ingressPlace(of: source) else {
            return openFirst(&datagram, length: length, slot: slot, source, number, arrival: arrival)
        }
        let isFirst = !slab[slot].ingress[place].hasRTP
        let index = slab[slot].ingress[place].index(of: number)
        guard slab[slot].ingress[place].isNew(index) else {
            counters.srtpReplayed &+= 1
            return nil
        }
        if isFirst {
            return openFirst(&datagram, length: length, slot: slot, source, number, arrival: arrival)
        }
        guard let plain = decryptRTP(&datagram, length: length, slot: slot, index: index) else {
            refuseForged(slot)
            return nil
        }
        slab[slot].ingress[place].note(index)
        slab[slot].ingress[place].lastHeard = arrival
        return (plain, index)
    }

    /// Decrypts the first packet of a source.
    ///
    /// Its rollover counter is 0, or 1 when the packets around its first wrap
    /// were lost (RFC 3711 §3.3.1 starts from what signaling knows, which is nothing here).
    private mutating func openFirst(
        _ datagram: inout MutableRawSpan, length: Int, slot: Int, _ source: UInt32, _ number: UInt16,
        arrival: Instant
    ) -> (length: Int, index: UInt64)? {
        guard !slab[slot].isRetired(source) else {
            counters.srtpReplayed &+= 1
            return nil
        }
        let mayHaveWrapped = number < 0x8000
        let isSpoiled = mayHaveWrapped && runtimes[slot].receiver?.preservesForged == false
        let copy = isSpoiled ? datagram.bytes.array(0..<length) : []
        var index = UInt64(number)
        var plain = decryptRTP(&datagram, length: length, slot: slot, index: index)
        if plain == nil, mayHaveWrapped {
            if isSpoiled { datagram.copy(unsafe copy.span.bytes, to: 0) }
            index += 0x1_0000
            plain = decryptRTP(&datagram, length: length, slot: slot, index: index)
        }
        guard let plain else {
            refuseForged(slot)
            return nil
        }
        guard let place = slab[slot].ingressPlace(of: source) ?? slab[slot].makeIngress(for: source) else {
            counters.sourcesRefused &+= 1
            return nil
        }
        slab[slot].ingress[place].note(index)
        slab[slot].ingress[place].lastHeard = arrival
        return (plain, index)
    }

    private mutating func decryptRTP(
        _ datagram: inout MutableRawSpan, length: Int, slot: Int, index: UInt64
    ) -> Int? {
        try? runtimes[slot].receiver?.openRTP(&datagram, length: length, index: index)
    }

    private mutating func refuseForged(_ slot: Int) {
        slab[slot].counters.srtpFailures &+= 1
        counters.srtpAuthenticationFailed &+= 1
    }

    /// Decrypts a peer's RTCP in place.
    ///
    /// - Returns: Octets of the plain compound; `nil` when it was not authentic or not new, counted.
    mutating func openRTCP(
        _ datagram: inout MutableRawSpan, length: Int, slot: Int, arrival: Instant
    ) -> Int? {
        if runtimes[slot].receiver == nil {
            holdBack(datagram.bytes.extracting(0..<length), slot: slot, isRTCP: true, arrival: arrival)
            return nil
        }
        guard let index = runtimes[slot].receiver?.rtcpIndex(datagram.bytes.extracting(0..<length)) else {
            counters.rtcpMalformed &+= 1
            return nil
        }
        let source = datagram.bytes.bigEndian(UInt32.self, at: 4)
        let known = slab[slot].ingressPlace(of: source)
        let isNew = known.map { slab[slot].ingress[$0].isNewRTCP(UInt64(index)) }
        guard isNew ?? !slab[slot].isRetired(source) else {
            counters.srtpReplayed &+= 1
            return nil
        }
        guard let plain = try? runtimes[slot].receiver?.openRTCP(&datagram, length: length, index: index)
        else {
            refuseForged(slot)
            return nil
        }
        guard let place = known ?? slab[slot].makeIngress(for: source) else {
            counters.sourcesRefused &+= 1
            return nil
        }
        slab[slot].ingress[place].noteRTCP(UInt64(index))
        slab[slot].ingress[place].lastHeard = arrival
        return plain
    }

    // MARK: Out

    /// Encrypts a compound of ours in place, under the next index, which is used up whatever comes of it.
    ///
    /// - Returns: Octets; 0 when the compound does not fit, or the key's 2³¹ indices are spent
    ///   (RFC 3711 §9.2).
    mutating func sealRTCP(_ bytes: inout MutableRawSpan, length: Int, slot: Int) -> Int {
        let index = slab[slot].nextSRTCPIndex
        guard index < 1 << 31 else { return 0 }
        slab[slot].nextSRTCPIndex = index + 1
        return runtimes[slot].sender?.sealRTCP(&bytes, length: length, index: UInt32(index)) ?? 0
    }
}
