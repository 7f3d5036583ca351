internal import COpenSSL
internal import SigmaWire

/// The transform of one kind of packet in one direction: a cipher context whose key is set once, and for each
/// packet no more than its IV (RFC 3711 §4.1, RFC 7714 §8 and §9).
///
/// Octets lie where they are: what is sealed is read from one place and written to another, or in place.
@safe struct SRTPCipher: ~Copyable {
    private let context: OpaquePointer
    private let profile: SRTPProfile
    /// The salt, and behind it zeros, as two big-endian words.
    private let saltHigh: UInt64
    private let saltLow: UInt64
    private var mac: COpenSSL_HMACSHA1
    /// Takes the place of `context` for an AEAD, in RTP.
    private let accelerated: IPSecMBKey?

    /// - Parameter backend: OpenSSL's where it is not available.
    init(
        _ keys: SRTPStreamKeys, _ profile: SRTPProfile, isSealing: Bool, backend: SRTPBackend = .openssl
    ) throws(SRTPError) {
        guard let context = unsafe EVP_CIPHER_CTX_new() else { throw .openSSL(.last()) }
        let cipher =
            switch profile {
            case .aeadAES128GCM: unsafe EVP_aes_128_gcm()
            case .aes128CMSHA1_80: unsafe EVP_aes_128_ctr()
            }
        // The counter mode is its own inverse.
        let direction: Int32 = isSealing || profile == .aes128CMSHA1_80 ? 1 : 0
        let isReady = unsafe withUnsafeBytes(of: keys.cipherKey) { key in
            unsafe EVP_CipherInit_ex(
                context, cipher, nil, key.baseAddress?.assumingMemoryBound(to: UInt8.self), nil, direction)
        }
        guard isReady == 1 else {
            unsafe EVP_CIPHER_CTX_free(context)
            throw .openSSL(.last())
        }
        unsafe self.context = context
        self.profile = profile
        (saltHigh, saltLow) = Self.words(keys.salt, count: profile.saltLength)
        var mac = COpenSSL_HMACSHA1()
        unsafe withUnsafeBytes(of: keys.authenticationKey) { key in
            unsafe COpenSSL_HMACSHA1_init(
                &mac, key.baseAddress?.assumingMemoryBound(to: UInt8.self), key.count)
        }
        self.mac = mac
        let isAccelerated = backend == .ipsecMB && profile == .aeadAES128GCM
        accelerated = isAccelerated ? IPSecMBKey(keys.cipherKey) : nil
    }

    deinit { unsafe EVP_CIPHER_CTX_free(context) }

    private static func words(_ salt: InlineArray<14, UInt8>, count: Int) -> (UInt64, UInt64) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        for index in 0..<8 { high = high << 8 | UInt64(salt[index]) }
        for index in 8..<16 { low = low << 8 | UInt64(index < count ? salt[index] : 0) }
        return (high, low)
    }

    /// The IV of one packet.
    ///
    /// The first 12 octets for GCM: 16 zero bits, SSRC, 48 bits of index (RFC 7714 §8.1); for AES-CM 16 octets:
    /// SSRC and index 16 bits further left (RFC 3711 §4.1.1). Both over the salt.
    private func vector(_ ssrc: UInt32, _ index: UInt64) -> (UInt64, UInt64) {
        switch profile {
        case .aeadAES128GCM:
            let high = UInt64(ssrc) << 16 | (index >> 32) & 0xFFFF
            return ((high ^ saltHigh).bigEndian, (index << 32 ^ saltLow).bigEndian)
        case .aes128CMSHA1_80:
            return ((UInt64(ssrc) ^ saltHigh).bigEndian, (index << 16 ^ saltLow).bigEndian)
        }
    }

    /// Sets the IV for one packet.
    private func begin(_ ssrc: UInt32, _ index: UInt64) -> Bool {
        let vector = vector(ssrc, index)
        return unsafe withUnsafeBytes(of: vector) { octets in
            let octets = unsafe octets.baseAddress?.assumingMemoryBound(to: UInt8.self)
            switch profile {
            case .aeadAES128GCM: return unsafe COpenSSL_GCM_begin(context, octets)
            // -1: the direction and the key stay.
            case .aes128CMSHA1_80: return unsafe EVP_CipherInit_ex(context, nil, nil, nil, octets, -1)
            }
        } == 1
    }

    private func update(
        _ output: UnsafeMutableRawPointer?, _ input: UnsafeRawPointer?, _ count: Int
    ) -> Bool {
        var written: Int32 = 0
        return unsafe EVP_CipherUpdate(
            context, output?.assumingMemoryBound(to: UInt8.self), &written,
            input?.assumingMemoryBound(to: UInt8.self), Int32(truncatingIfNeeded: count)) == 1
    }

    // MARK: AEAD (RFC 7714)

    private static let tagLength: Int32 = 16

    /// Encrypts `count` octets, and writes the tag to `tag`.
    ///
    /// - Parameter associated: Authenticated, not encrypted; `more` follows it.
    func sealAEAD(
        _ ssrc: UInt32, _ index: UInt64, associated: UnsafeRawBufferPointer, more: UnsafeRawBufferPointer?,
        input: UnsafeRawPointer?, output: UnsafeMutableRawPointer?, count: Int,
        tag: UnsafeMutableRawPointer?
    ) {
        if unsafe more == nil, accelerated != nil {
            unsafe accelerated?.seal(
                vector(ssrc, index), associated: associated, input: input, output: output, count: count,
                tag: tag)
            return
        }
        var written: Int32 = 0
        var isDone = begin(ssrc, index)
        isDone = unsafe isDone && update(nil, associated.baseAddress, associated.count)
        if let more = unsafe more { isDone = unsafe isDone && update(nil, more.baseAddress, more.count) }
        isDone = unsafe isDone && update(output, input, count)
        isDone = unsafe isDone && EVP_CipherFinal_ex(context, nil, &written) == 1
        isDone =
            unsafe isDone && COpenSSL_GCM_tag(context, tag, Int(Self.tagLength)) == 1
        precondition(isDone, "AES-GCM with a key that was set has no way to fail")
    }

    /// Decrypts in place.
    ///
    /// - Returns: Whether the tag is right; the octets are spoiled when it is not.
    func openAEAD(
        _ ssrc: UInt32, _ index: UInt64, associated: UnsafeRawBufferPointer, more: UnsafeRawBufferPointer?,
        octets: UnsafeMutableRawPointer?, count: Int, tag: UnsafeMutableRawPointer?
    ) -> Bool {
        if unsafe more == nil, accelerated != nil {
            return unsafe accelerated?.open(
                vector(ssrc, index), associated: associated, octets: octets, count: count, tag: tag) ?? false
        }
        var written: Int32 = 0
        guard begin(ssrc, index), unsafe update(nil, associated.baseAddress, associated.count) else {
            return false
        }
        if let more = unsafe more {
            guard unsafe update(nil, more.baseAddress, more.count) else { return false }
        }
        guard unsafe update(octets, UnsafeRawPointer(octets), count) else { return false }
        return unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Self.tagLength, tag) == 1
            && EVP_CipherFinal_ex(context, nil, &written) == 1
    }

    // MARK: AES-CM and HMAC-SHA1 (RFC 3711)

    /// Encrypts or decrypts `count` octets.
    func applyCounterMode(
        _ ssrc: UInt32, _ index: UInt64, input: UnsafeRawPointer?, output: UnsafeMutableRawPointer?,
        count: Int
    ) {
        guard count > 0 else { return }
        let isDone = unsafe begin(ssrc, index) && update(output, input, count)
        precondition(isDone, "AES-CTR with a key that was set has no way to fail")
    }

    /// The authentication code of `octets` and, behind them, the rollover counter of an RTP packet; of which
    /// 80 bits are sent.
    func code(
        _ octets: UnsafeRawBufferPointer, rollover: UInt32?
    ) -> InlineArray<20, UInt8> {
        var code = InlineArray<20, UInt8>(repeating: 0)
        var suffix = (rollover ?? 0).bigEndian
        let suffixLength = rollover == nil ? 0 : 4
        unsafe withUnsafePointer(to: mac) { mac in
            unsafe withUnsafeMutableBytes(of: &code) { target in
                unsafe COpenSSL_HMACSHA1_code(
                    mac, octets.baseAddress, octets.count, &suffix, suffixLength,
                    target.baseAddress?.assumingMemoryBound(to: UInt8.self))
            }
        }
        return code
    }
}
