internal import COpenSSL

#if canImport(CIPSecMB)
    internal import CIPSecMB
#endif

/// Who does the arithmetic of AEAD_AES_128_GCM; AES-CM is OpenSSL's in any case.
package enum SRTPBackend: String, CaseIterable, Sendable {
    case openssl
    /// intel-ipsec-mb: x86-64 with AES instructions; 4 to 5 times as fast with VAES and AVX-512.
    case ipsecMB = "ipsec-mb"

    /// Whether this build and this CPU have it.
    package var isAvailable: Bool {
        switch self {
        case .openssl: true
        case .ipsecMB: IPSecMBKey.isAvailable
        }
    }
}

#if canImport(CIPSecMB)
    /// An AES-128-GCM key as intel-ipsec-mb keeps it, about 1 KiB.
    @safe struct IPSecMBKey: ~Copyable {
        private let manager: UnsafeMutablePointer<IMB_MGR>
        private let key: UnsafeMutablePointer<gcm_key_data>

        /// One for the process: with the direct calls it is a table of functions, which nothing writes to.
        nonisolated(unsafe) private static let manager = unsafe CIPSecMB_makeManager()

        static var isAvailable: Bool { unsafe manager != nil }

        init?(_ octets: InlineArray<16, UInt8>) {
            guard let manager = unsafe Self.manager else { return nil }
            let key = unsafe withUnsafeBytes(of: octets) {
                unsafe CIPSecMB_makeKey(manager, $0.baseAddress?.assumingMemoryBound(to: UInt8.self))
            }
            guard let key = unsafe key else { return nil }
            unsafe self.manager = manager
            unsafe self.key = key
        }

        deinit { unsafe CIPSecMB_freeKey(key) }

        func seal(
            _ vector: (UInt64, UInt64), associated: UnsafeRawBufferPointer, input: UnsafeRawPointer?,
            output: UnsafeMutableRawPointer?, count: Int, tag: UnsafeMutableRawPointer?
        ) {
            unsafe withUnsafeBytes(of: vector) { vector in
                unsafe CIPSecMB_seal(
                    manager, key, vector.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    associated.baseAddress,
                    associated.count, input, output, count, tag)
            }
        }

        /// Decrypts in place.
        ///
        /// - Returns: Whether the tag is right; the octets are spoiled when it is not.
        func open(
            _ vector: (UInt64, UInt64), associated: UnsafeRawBufferPointer, octets: UnsafeMutableRawPointer?,
            count: Int, tag: UnsafeMutableRawPointer?
        ) -> Bool {
            var expected = InlineArray<16, UInt8>(repeating: 0)
            return unsafe withUnsafeMutableBytes(of: &expected) { expected in
                unsafe withUnsafeBytes(of: vector) { vector in
                    unsafe CIPSecMB_open(
                        manager, key, vector.baseAddress?.assumingMemoryBound(to: UInt8.self),
                        associated.baseAddress, associated.count, octets, count,
                        expected.baseAddress?.assumingMemoryBound(to: UInt8.self))
                }
                return unsafe CRYPTO_memcmp(expected.baseAddress, tag, expected.count) == 0
            }
        }
    }
#else
    /// Where intel-ipsec-mb is not to be had: no key can be made.
    struct IPSecMBKey: ~Copyable {
        static var isAvailable: Bool { false }

        init?(_ octets: InlineArray<16, UInt8>) { return nil }

        func seal(
            _ vector: (UInt64, UInt64), associated: UnsafeRawBufferPointer, input: UnsafeRawPointer?,
            output: UnsafeMutableRawPointer?, count: Int, tag: UnsafeMutableRawPointer?
        ) {}

        func open(
            _ vector: (UInt64, UInt64), associated: UnsafeRawBufferPointer, octets: UnsafeMutableRawPointer?,
            count: Int, tag: UnsafeMutableRawPointer?
        ) -> Bool { false }
    }
#endif
