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
        localRTP = SRTPStreamKeys(master.local, master.profile, firstLabel: 0)
        localRTCP = SRTPStreamKeys(master.local, master.profile, firstLabel: 3)
        remoteRTP = SRTPStreamKeys(master.remote, master.profile, firstLabel: 0)
        remoteRTCP = SRTPStreamKeys(master.remote, master.profile, firstLabel: 3)
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
    fileprivate init(_ master: [UInt8], _ profile: SRTPProfile, firstLabel: UInt8) {
        self.init()
        let key = Array(master.prefix(profile.keyLength))
        let salt = Array(master.dropFirst(profile.keyLength))
        Self.fill(&cipherKey, key, salt, label: firstLabel)
        Self.fill(&authenticationKey, key, salt, label: firstLabel + 1)
        Self.fill(&self.salt, key, salt, label: firstLabel + 2)
    }

    private static func fill<let count: Int>(
        _ target: inout InlineArray<count, UInt8>, _ key: [UInt8], _ salt: [UInt8], label: UInt8
    ) {
        let octets = keystream(key, salt, label: label, count: count)
        for index in 0..<count { target[index] = octets[index] }
    }

    /// AES-CM keyed with the master key, its counter block the salt with the label in octet 7
    /// (RFC 3711 §4.3.3); a salt of 12 octets is filled up with zeros (RFC 7714 §11).
    private static func keystream(_ key: [UInt8], _ salt: [UInt8], label: UInt8, count: Int) -> [UInt8] {
        var block = salt + [UInt8](repeating: 0, count: 16 - salt.count)
        block[7] ^= label
        let zeros = [UInt8](repeating: 0, count: count)
        var output = zeros
        var written: Int32 = 0
        let context = unsafe EVP_CIPHER_CTX_new()
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        let isDone =
            unsafe EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), nil, key, block) == 1
            && EVP_EncryptUpdate(context, &output, &written, zeros, Int32(count)) == 1
        precondition(isDone, "AES-128-CTR is part of every OpenSSL")
        return output
    }
}
