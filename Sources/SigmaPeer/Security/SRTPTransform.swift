internal import CSRTP

/// SRTP and SRTCP of one connection, by libsrtp2.
///
/// - SeeAlso: RFC 3711; RFC 7714
@safe final class SRTPTransform {
    private let outbound: srtp_t
    private let inbound: srtp_t
    let profile: ProtectionProfile

    enum Refusal: Error, Equatable {
        /// The packet came before (RFC 3711 §3.3.2).
        case replayed
        case failed
    }

    private static let isInitialised = CSRTP_initialise() == srtp_err_status_ok

    init(_ keys: KeyingMaterial) throws(PeerError) {
        guard Self.isInitialised else { throw .srtp(srtp_err_status_init_fail.rawValue) }
        let outbound = unsafe try Self.session(keys.profile, keys.outbound, ssrc_any_outbound)
        do throws(PeerError) {
            unsafe inbound = try Self.session(keys.profile, keys.inbound, ssrc_any_inbound)
        } catch {
            unsafe srtp_dealloc(outbound)
            throw error
        }
        unsafe self.outbound = outbound
        profile = keys.profile
    }

    deinit {
        unsafe srtp_dealloc(outbound)
        unsafe srtp_dealloc(inbound)
    }

    private static func session(
        _ profile: ProtectionProfile, _ key: [UInt8], _ direction: srtp_ssrc_type_t
    ) throws(PeerError) -> srtp_t {
        var policy = unsafe srtp_policy_t()
        switch profile {
        case .aes128CMSHA1_32:
            unsafe srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp)
            unsafe srtp_crypto_policy_set_rtp_default(&policy.rtcp)
        case .aes128CMSHA1_80:
            unsafe srtp_crypto_policy_set_rtp_default(&policy.rtp)
            unsafe srtp_crypto_policy_set_rtp_default(&policy.rtcp)
        case .aeadAES128GCM:
            unsafe srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
            unsafe srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        }
        unsafe policy.ssrc.type = direction
        unsafe policy.window_size = 1024
        var session: srtp_t?
        var key = key
        let status = unsafe key.withUnsafeMutableBufferPointer { octets in
            unsafe policy.key = octets.baseAddress
            return unsafe srtp_create(&session, &policy)
        }
        guard status == srtp_err_status_ok, let session = unsafe session else {
            throw .srtp(status.rawValue)
        }
        return unsafe session
    }

    /// Room that libsrtp needs behind a packet, and a word for the SRTCP index.
    private static let trailer = Int(SRTP_MAX_TRAILER_LEN) + 4

    func protectRTP(_ packet: [UInt8]) -> [UInt8]? {
        unsafe Self.transform(packet) { unsafe srtp_protect(outbound, $0, $1) }.octets
    }

    func protectRTCP(_ packet: [UInt8]) -> [UInt8]? {
        unsafe Self.transform(packet) { unsafe srtp_protect_rtcp(outbound, $0, $1) }.octets
    }

    func unprotectRTP(_ packet: [UInt8]) throws(Refusal) -> [UInt8] {
        try Self.check(unsafe Self.transform(packet) { unsafe srtp_unprotect(inbound, $0, $1) })
    }

    func unprotectRTCP(_ packet: [UInt8]) throws(Refusal) -> [UInt8] {
        try Self.check(unsafe Self.transform(packet) { unsafe srtp_unprotect_rtcp(inbound, $0, $1) })
    }

    private static func check(
        _ result: (octets: [UInt8]?, status: srtp_err_status_t)
    ) throws(Refusal) -> [UInt8] {
        if let octets = result.octets { return octets }
        let isReplay =
            result.status == srtp_err_status_replay_fail || result.status == srtp_err_status_replay_old
        throw isReplay ? .replayed : .failed
    }

    private static func transform(
        _ packet: [UInt8],
        _ body: (UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>) -> srtp_err_status_t
    ) -> (octets: [UInt8]?, status: srtp_err_status_t) {
        var buffer = packet + [UInt8](repeating: 0, count: trailer)
        var length = Int32(packet.count)
        let status = unsafe buffer.withUnsafeMutableBytes { unsafe body($0.baseAddress, &length) }
        guard status == srtp_err_status_ok, length >= 0 else { return (nil, status) }
        return (Array(buffer.prefix(Int(length))), status)
    }
}
