internal import COpenSSL
internal import SigmaWire

/// Opens what one peer sends (RFC 3711, RFC 7714).
///
/// It keeps no window: the caller has estimated the index, has seen that it is new, and notes it once the packet
/// has turned out to be authentic.
@safe package struct SRTPReceiver: ~Copyable {
    private let profile: SRTPProfile
    private let rtp: SRTPCipher?
    private let rtcp: SRTPCipher

    /// - Parameter opensRTP: Else only RTCP is opened, and nothing is kept for RTP.
    package init(
        _ keys: SRTPSessionKeys, backend: SRTPBackend = .openssl, opensRTP: Bool = true
    ) throws(SRTPError) {
        let rtp = try opensRTP ? Self.cipher(keys, backend) : nil
        rtcp = try SRTPCipher(keys.remoteRTCP, keys.profile, isSealing: false)
        self.rtp = rtp
        profile = keys.profile
    }

    private static func cipher(
        _ keys: SRTPSessionKeys, _ backend: SRTPBackend
    ) throws(SRTPError) -> SRTPCipher? {
        try SRTPCipher(keys.remoteRTP, keys.profile, isSealing: false, backend: backend)
    }

    /// Whether a packet that fails is left as it was: an AEAD has to decrypt it to know.
    package var preservesForged: Bool { profile == .aes128CMSHA1_80 }

    /// Decrypts an RTP packet in place.
    ///
    /// - Parameter index: Rollover counter and sequence number, as the sender must have used them.
    /// - Returns: Octets of the plain packet.
    @_lifetime(packet: copy packet)
    package func openRTP(
        _ packet: inout MutableRawSpan, length: Int, index: UInt64
    ) throws(SRTPError) -> Int {
        guard length <= packet.byteCount,
            let headerLength = RTP.headerLength(of: packet.bytes.extracting(0..<length)),
            length - profile.rtpOverhead >= headerLength
        else { throw .malformed }
        let end = length - profile.rtpOverhead
        let isAuthentic = unsafe packet.withUnsafeMutableBytes { packet in
            guard let base = packet.baseAddress else { return false }
            return unsafe rtp?.opens(base, profile, headerLength: headerLength, end: end, index: index)
                ?? false
        }
        guard isAuthentic else { throw .authentication }
        return end
    }

    /// The index that a protected RTCP packet carries; `nil` when it is too short, or not encrypted, which
    /// neither profile leaves a choice about here (RFC 5764 §4.1.2).
    package func rtcpIndex(_ packet: RawSpan) -> UInt32? {
        guard packet.byteCount >= SRTCP.headerLength + profile.rtcpOverhead else { return nil }
        let place =
            switch profile {
            case .aeadAES128GCM: packet.byteCount - 4
            case .aes128CMSHA1_80: packet.byteCount - profile.rtpOverhead - 4
            }
        let word = packet.bigEndian(UInt32.self, at: place)
        return word & SRTCP.encryptedFlag == 0 ? nil : word & ~SRTCP.encryptedFlag
    }

    /// Decrypts an RTCP packet in place, whose index ``rtcpIndex(_:)`` has found.
    ///
    /// - Returns: Octets of the plain compound.
    @_lifetime(packet: copy packet)
    package func openRTCP(
        _ packet: inout MutableRawSpan, length: Int, index: UInt32
    ) throws(SRTPError) -> Int {
        let end = length - profile.rtcpOverhead
        guard length <= packet.byteCount, end >= SRTCP.headerLength else { throw .malformed }
        let ssrc = packet.bytes.bigEndian(UInt32.self, at: 4)
        let isAuthentic = unsafe packet.withUnsafeMutableBytes { packet in
            guard let base = packet.baseAddress else { return false }
            let body = unsafe base + SRTCP.headerLength
            let count = end - SRTCP.headerLength
            switch profile {
            case .aeadAES128GCM:
                return unsafe rtcp.openAEAD(
                    ssrc, UInt64(index),
                    associated: UnsafeRawBufferPointer(start: base, count: SRTCP.headerLength),
                    more: UnsafeRawBufferPointer(start: base + length - 4, count: 4),
                    octets: body, count: count, tag: base + end)
            case .aes128CMSHA1_80:
                let code = unsafe rtcp.code(
                    UnsafeRawBufferPointer(start: base, count: end + 4), rollover: nil)
                guard unsafe Self.matches(code, base + end + 4) else { return false }
                unsafe rtcp.applyCounterMode(
                    ssrc, UInt64(index), input: UnsafeRawPointer(body), output: body, count: count)
                return true
            }
        }
        guard isAuthentic else { throw .authentication }
        return end
    }

    /// Compares 80 bits in constant time.
    fileprivate static func matches(_ code: InlineArray<20, UInt8>, _ received: UnsafeMutableRawPointer)
        -> Bool
    {
        unsafe withUnsafeBytes(of: code) { code in
            unsafe CRYPTO_memcmp(code.baseAddress, received, SRTPProfile.aes128CMSHA1_80.rtpOverhead) == 0
        }
    }
}

extension SRTPCipher {
    /// Decrypts the RTP packet at `base` in place, whose tag lies at `end`, when the tag is right.
    fileprivate func opens(
        _ base: UnsafeMutableRawPointer, _ profile: SRTPProfile, headerLength: Int, end: Int, index: UInt64
    ) -> Bool {
        let ssrc = unsafe UInt32(bigEndian: base.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        let body = unsafe base + headerLength
        switch profile {
        case .aeadAES128GCM:
            return unsafe openAEAD(
                ssrc, index, associated: UnsafeRawBufferPointer(start: base, count: headerLength),
                more: nil, octets: body, count: end - headerLength, tag: base + end)
        case .aes128CMSHA1_80:
            let code = unsafe code(
                UnsafeRawBufferPointer(start: base, count: end),
                rollover: UInt32(truncatingIfNeeded: index >> 16))
            guard unsafe SRTPReceiver.matches(code, base + end) else { return false }
            unsafe applyCounterMode(
                ssrc, index, input: UnsafeRawPointer(body), output: body, count: end - headerLength)
            return true
        }
    }
}

enum SRTCP {
    /// What stays in clear: the first RTCP header and its SSRC.
    static let headerLength = 8
    /// E: the packet is encrypted (RFC 3711 §3.4).
    static let encryptedFlag: UInt32 = 0x8000_0000
}
