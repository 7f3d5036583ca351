internal import COpenSSL

/// What protects one kind of packet in one direction: the session keys of RFC 3711 §4.3.
///
/// Plain octets, so that a session's record can carry them; never printed.
package struct SRTPStreamKeys: BitwiseCopyable, Sendable, CustomStringConvertible {
    package var cipherKey = InlineArray<16, UInt8>(repeating: 0)
    /// Of HMAC-SHA1; unused by an AEAD.
    package var authenticationKey = InlineArray<20, UInt8>(repeating: 0)
    /// 14 octets; an AEAD uses the first 12.
    package var salt = InlineArray<14, UInt8>(repeating: 0)

    package init() {}

    package var description: String { "SRTPStreamKeys(redacted)" }
}

/// The derived keys of both directions, RTP and RTCP.
package struct SRTPSessionKeys: BitwiseCopyable, Sendable, CustomStringConvertible {
    package var profile: SRTPProfile
    package var localRTP: SRTPStreamKeys
    package var localRTCP: SRTPStreamKeys
    package var remoteRTP: SRTPStreamKeys
    package var remoteRTCP: SRTPStreamKeys

    /// Derives them with a key derivation rate of 0 (RFC 3711 §4.3.1, RFC 7714 §11).
    package init(_ master: SRTPKeys) {
        profile = master.profile
        let local = KeyDerivation(master.local, master.profile)
        localRTP = SRTPStreamKeys(local, firstLabel: 0)
        localRTCP = SRTPStreamKeys(local, firstLabel: 3)
        let remote = KeyDerivation(master.remote, master.profile)
        remoteRTP = SRTPStreamKeys(remote, firstLabel: 0)
        remoteRTCP = SRTPStreamKeys(remote, firstLabel: 3)
    }

    package var description: String { "SRTPSessionKeys(\(profile), redacted)" }

    /// The keys as octets, in the order of the properties: what the session's record keeps.
    package var octets: [UInt8] {
        [localRTP, localRTCP, remoteRTP, remoteRTCP].flatMap { keys in
            unsafe withUnsafeBytes(of: keys) { unsafe Array($0) }
        }
    }
}

extension SRTPStreamKeys {
    /// Labels: 0, 1, 2 are cipher key, authentication key and salt of RTP, 3, 4, 5 those of RTCP.
    fileprivate init(_ derivation: borrowing KeyDerivation, firstLabel: UInt8) {
        self.init()
        derivation.fill(&cipherKey, label: firstLabel)
        derivation.fill(&authenticationKey, label: firstLabel + 1)
        derivation.fill(&salt, label: firstLabel + 2)
    }
}

/// AES-CM keyed with one master key (RFC 3711 §4.3.3).
@safe private struct KeyDerivation: ~Copyable {
    private let context: OpaquePointer?
    /// The salt, filled up with zeros (RFC 7714 §11).
    private let block: [UInt8]

    /// - Parameter master: Key and salt, one after the other.
    init(_ master: [UInt8], _ profile: SRTPProfile) {
        block = (0..<16).map { $0 < profile.saltLength ? master[profile.keyLength + $0] : 0 }
        unsafe context = EVP_CIPHER_CTX_new()
        let isKeyed = unsafe EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), nil, master, nil) == 1
        precondition(isKeyed, "AES-128-CTR is part of every OpenSSL")
    }

    deinit { unsafe EVP_CIPHER_CTX_free(context) }

    /// Fills `target` with the keystream whose counter block is the salt with the label in octet 7.
    func fill<let count: Int>(_ target: inout InlineArray<count, UInt8>, label: UInt8) {
        var block = block
        block[7] ^= label
        target = InlineArray(repeating: 0)
        var written: Int32 = 0
        let isDone = unsafe withUnsafeMutableBytes(of: &target) { octets in
            guard let base = unsafe octets.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
                return false
            }
            return unsafe EVP_EncryptInit_ex(context, nil, nil, nil, block) == 1
                && EVP_EncryptUpdate(context, base, &written, base, Int32(count)) == 1
        }
        precondition(isDone, "AES-128-CTR with a key that was set has no way to fail")
    }
}
