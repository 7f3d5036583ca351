internal import SigmaWire

/// Protects what goes to one peer (RFC 3711, RFC 7714).
///
/// It keeps no index: the caller reserves each one in the session's record, once, before it is used, since one
/// index under one key for two packets gives both away.
@safe package struct SRTPSender: ~Copyable {
    package let profile: SRTPProfile
    /// Apart, so that a sender is two words: half a kilobyte would be copied wherever one is looked at.
    private let ciphers: UnsafeMutablePointer<Ciphers>

    private struct Ciphers: ~Copyable {
        let rtp: SRTPCipher
        let rtcp: SRTPCipher
    }

    package init(_ keys: SRTPSessionKeys, backend: SRTPBackend = .openssl) throws(SRTPError) {
        let rtp = try SRTPCipher(keys.localRTP, keys.profile, isSealing: true, backend: backend)
        let rtcp = try SRTPCipher(keys.localRTCP, keys.profile, isSealing: true)
        unsafe ciphers = .allocate(capacity: 1)
        unsafe ciphers.initialize(to: Ciphers(rtp: rtp, rtcp: rtcp))
        profile = keys.profile
    }

    deinit {
        unsafe ciphers.deinitialize(count: 1)
        unsafe ciphers.deallocate()
    }

    /// Puts the encrypted `payload` and the tag behind a header.
    ///
    /// - Parameters:
    ///   - payload: Padding included; it lies outside `packet`.
    ///   - headerLength: Octets of the header with its extensions, already written.
    ///   - index: 48 bits: rollover counter and sequence number.
    /// - Returns: Octets of the protected packet; 0 when there is no room for it.
    @_lifetime(packet: copy packet)
    package func sealRTP(
        _ payload: RawSpan, behind headerLength: Int, in packet: inout MutableRawSpan, ssrc: UInt32,
        index: UInt64
    ) -> Int {
        let count = payload.byteCount
        let end = headerLength + count
        guard headerLength >= RTP.fixedHeaderLength, end + profile.rtpOverhead <= packet.byteCount else {
            return 0
        }
        unsafe packet.withUnsafeMutableBytes { packet in
            unsafe payload.withUnsafeBytes { payload in
                guard let base = packet.baseAddress else { return }
                switch profile {
                case .aeadAES128GCM:
                    unsafe ciphers.pointee.rtp.sealAEAD(
                        ssrc, index,
                        associated: UnsafeRawBufferPointer(start: base, count: headerLength), more: nil,
                        input: payload.baseAddress, output: base + headerLength, count: count,
                        tag: base + end)
                case .aes128CMSHA1_80:
                    unsafe ciphers.pointee.rtp.applyCounterMode(
                        ssrc, index, input: payload.baseAddress, output: base + headerLength, count: count)
                    unsafe Self.append(
                        ciphers.pointee.rtp.code(
                            UnsafeRawBufferPointer(start: base, count: end),
                            rollover: UInt32(truncatingIfNeeded: index >> 16)),
                        to: base + end)
                }
            }
        }
        return end + profile.rtpOverhead
    }

    /// Encrypts an RTCP compound in place, and puts tag and index behind it (RFC 3711 §3.4, RFC 7714 §9).
    ///
    /// - Parameters:
    ///   - packet: Begins with the compound of `length` octets, with room for ``SRTPProfile/rtcpOverhead``.
    ///   - index: 31 bits.
    /// - Returns: Octets of the protected packet; 0 when it is no compound or there is no room for it.
    @_lifetime(packet: copy packet)
    package func sealRTCP(_ packet: inout MutableRawSpan, length: Int, index: UInt32) -> Int {
        guard length >= SRTCP.headerLength, length + profile.rtcpOverhead <= packet.byteCount else {
            return 0
        }
        let ssrc = packet.bytes.bigEndian(UInt32.self, at: 4)
        // The first bit says that the packet is encrypted.
        let word = index | SRTCP.encryptedFlag
        let tagLength = profile.rtpOverhead
        unsafe packet.withUnsafeMutableBytes { packet in
            guard let base = packet.baseAddress else { return }
            let body = unsafe base + SRTCP.headerLength
            let count = length - SRTCP.headerLength
            switch profile {
            case .aeadAES128GCM:
                let place = unsafe base + length + tagLength
                unsafe place.storeBytes(of: word.bigEndian, as: UInt32.self)
                unsafe ciphers.pointee.rtcp.sealAEAD(
                    ssrc, UInt64(index),
                    associated: UnsafeRawBufferPointer(start: base, count: SRTCP.headerLength),
                    more: UnsafeRawBufferPointer(start: place, count: 4),
                    input: UnsafeRawPointer(body), output: body, count: count, tag: base + length)
            case .aes128CMSHA1_80:
                unsafe ciphers.pointee.rtcp.applyCounterMode(
                    ssrc, UInt64(index), input: UnsafeRawPointer(body), output: body, count: count)
                unsafe (base + length).storeBytes(of: word.bigEndian, as: UInt32.self)
                unsafe Self.append(
                    ciphers.pointee.rtcp.code(
                        UnsafeRawBufferPointer(start: base, count: length + 4), rollover: nil),
                    to: base + length + 4)
            }
        }
        return length + profile.rtcpOverhead
    }

    private static func append(_ code: InlineArray<20, UInt8>, to place: UnsafeMutableRawPointer) {
        for offset in 0..<SRTPProfile.aes128CMSHA1_80.rtpOverhead {
            unsafe place.storeBytes(of: code[offset], toByteOffset: offset, as: UInt8.self)
        }
    }
}
