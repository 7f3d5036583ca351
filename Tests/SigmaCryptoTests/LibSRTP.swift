import CSRTP
import SigmaCrypto

/// libsrtp2, the independent implementation that ours is compared with.
final class LibSRTP {
    private let outbound: srtp_t
    private let inbound: srtp_t

    struct Failure: Error {
        let status: srtp_err_status_t

        var isReplay: Bool { status == srtp_err_status_replay_fail || status == srtp_err_status_replay_old }
    }

    /// - Parameters:
    ///   - local: Master key and salt of what it protects.
    ///   - remote: The same of what it opens.
    init(_ profile: SRTPProfile, local: [UInt8], remote: [UInt8]) throws {
        guard CSRTP_initialise() == srtp_err_status_ok else {
            throw Failure(status: srtp_err_status_init_fail)
        }
        outbound = try Self.session(profile, local, ssrc_any_outbound)
        inbound = try Self.session(profile, remote, ssrc_any_inbound)
    }

    deinit {
        srtp_dealloc(outbound)
        srtp_dealloc(inbound)
    }

    private static func session(
        _ profile: SRTPProfile, _ key: [UInt8], _ direction: srtp_ssrc_type_t
    ) throws -> srtp_t {
        var policy = srtp_policy_t()
        switch profile {
        case .aes128CMSHA1_80:
            srtp_crypto_policy_set_rtp_default(&policy.rtp)
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        case .aeadAES128GCM:
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        }
        policy.ssrc.type = direction
        policy.window_size = 1024
        policy.allow_repeat_tx = 1
        var session: srtp_t?
        var key = key
        let status = key.withUnsafeMutableBufferPointer { octets in
            policy.key = octets.baseAddress
            return srtp_create(&session, &policy)
        }
        guard status == srtp_err_status_ok, let session else { throw Failure(status: status) }
        return session
    }

    func protectRTP(_ packet: [UInt8]) throws -> [UInt8] {
        try transform(packet) { srtp_protect(outbound, $0, $1) }
    }

    func protectRTCP(_ packet: [UInt8]) throws -> [UInt8] {
        try transform(packet) { srtp_protect_rtcp(outbound, $0, $1) }
    }

    func unprotectRTP(_ packet: [UInt8]) throws -> [UInt8] {
        try transform(packet) { srtp_unprotect(inbound, $0, $1) }
    }

    func unprotectRTCP(_ packet: [UInt8]) throws -> [UInt8] {
        try transform(packet) { srtp_unprotect_rtcp(inbound, $0, $1) }
    }

    private func transform(
        _ packet: [UInt8],
        _ body: (UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>) -> srtp_err_status_t
    ) throws -> [UInt8] {
        var buffer = packet + [UInt8](repeating: 0, count: Int(SRTP_MAX_TRAILER_LEN) + 4)
        var length = Int32(packet.count)
        let status = buffer.withUnsafeMutableBytes { body($0.baseAddress, &length) }
        guard status == srtp_err_status_ok else { throw Failure(status: status) }
        return Array(buffer.prefix(Int(length)))
    }
}
