internal import CSRTP
internal import SigmaWire

package enum SRTPError: Error, Equatable, Sendable {
    /// The tag is wrong: forged, damaged, or of another key.
    case authentication
    /// Seen before, or older than the window of 1024 (RFC 3711 §3.3.2).
    case replayed
    /// Not an RTP or RTCP packet, or no room for the tag.
    case malformed
    /// libsrtp2's own number for anything else.
    case library(UInt32)

    init(_ status: srtp_err_status_t) {
        switch status {
        case srtp_err_status_auth_fail: self = .authentication
        case srtp_err_status_replay_fail, srtp_err_status_replay_old: self = .replayed
        case srtp_err_status_bad_param, srtp_err_status_parse_err: self = .malformed
        default: self = .library(status.rawValue)
        }
    }
}

/// Protects and unprotects the packets of one peer, in place (RFC 3711, RFC 7714).
///
/// Both directions, RTP and RTCP, any number of SSRCs. The packet is the beginning of a buffer; lengths go
/// in and come out, so that nothing is copied.
@safe package struct SRTPSession: ~Copyable {
    private let sending: OpaquePointer
    private let receiving: OpaquePointer
    private let profile: SRTPProfile

    /// Packets that may arrive late and still be told from a replay.
    private static let replayWindow: UInt = 1024

    private static let libraryIsReady: Bool = CSRTP_initialise() == srtp_err_status_ok

    package init(_ keys: SRTPKeys) throws(SRTPError) {
        guard Self.libraryIsReady else { throw .library(srtp_err_status_init_fail.rawValue) }
        let sending = try unsafe Self.make(keys.profile, key: keys.local, direction: ssrc_any_outbound)
        do throws(SRTPError) {
            unsafe receiving = try Self.make(keys.profile, key: keys.remote, direction: ssrc_any_inbound)
        } catch {
            unsafe srtp_dealloc(sending)
            throw error
        }
        unsafe self.sending = sending
        profile = keys.profile
    }

    deinit {
        unsafe srtp_dealloc(sending)
        unsafe srtp_dealloc(receiving)
    }

    private static func make(
        _ profile: SRTPProfile, key: [UInt8], direction: srtp_ssrc_type_t
    ) throws(SRTPError) -> OpaquePointer {
        var policy = unsafe srtp_policy_t()
        switch profile {
        case .aes128CMSHA1_80:
            unsafe srtp_crypto_policy_set_rtp_default(&policy.rtp)
            unsafe srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        case .aeadAES128GCM:
            unsafe srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
            unsafe srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        }
        unsafe policy.ssrc.type = direction
        unsafe policy.window_size = replayWindow
        var key = key
        var session: OpaquePointer?
        let status = unsafe key.withUnsafeMutableBufferPointer { octets in
            unsafe policy.key = octets.baseAddress
            return unsafe srtp_create(&session, &policy)
        }
        guard status == srtp_err_status_ok, let session = unsafe session else { throw SRTPError(status) }
        return unsafe session
    }

    /// - Parameters:
    ///   - packet: A buffer that begins with an RTP packet and has ``SRTPProfile/rtpOverhead`` octets more.
    ///   - length: Octets of the packet.
    /// - Returns: Octets of the protected packet.
    @_lifetime(packet: copy packet)
    package mutating func protectRTP(
        _ packet: inout MutableRawSpan, length: Int
    ) throws(SRTPError) -> Int {
        guard length >= RTP.fixedHeaderLength, length + profile.rtpOverhead <= packet.byteCount else {
            throw .malformed
        }
        return try unsafe Self.apply(srtp_protect, sending, &packet, length)
    }

    /// - Returns: Octets of the plain packet.
    @_lifetime(packet: copy packet)
    package mutating func unprotectRTP(
        _ packet: inout MutableRawSpan, length: Int
    ) throws(SRTPError) -> Int {
        guard length >= RTP.fixedHeaderLength, length <= packet.byteCount else { throw .malformed }
        return try unsafe Self.apply(srtp_unprotect, receiving, &packet, length)
    }

    /// - Parameter packet: With ``SRTPProfile/rtcpOverhead`` octets more than `length`.
    @_lifetime(packet: copy packet)
    package mutating func protectRTCP(
        _ packet: inout MutableRawSpan, length: Int
    ) throws(SRTPError) -> Int {
        guard length >= 8, length + profile.rtcpOverhead <= packet.byteCount else { throw .malformed }
        return try unsafe Self.apply(srtp_protect_rtcp, sending, &packet, length)
    }

    @_lifetime(packet: copy packet)
    package mutating func unprotectRTCP(
        _ packet: inout MutableRawSpan, length: Int
    ) throws(SRTPError) -> Int {
        guard length >= 8, length <= packet.byteCount else { throw .malformed }
        return try unsafe Self.apply(srtp_unprotect_rtcp, receiving, &packet, length)
    }

    private typealias Transform = (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>?) ->
        srtp_err_status_t

    @_lifetime(packet: copy packet)
    private static func apply(
        _ transform: Transform, _ session: OpaquePointer, _ packet: inout MutableRawSpan, _ length: Int
    ) throws(SRTPError) -> Int {
        var count = Int32(length)
        let status = unsafe packet.withUnsafeMutableBytes {
            unsafe transform(session, $0.baseAddress, &count)
        }
        guard status == srtp_err_status_ok, count >= 0 else { throw SRTPError(status) }
        return Int(count)
    }
}
