/// Hash functions accepted for a certificate fingerprint (RFC 8122 §5).
package enum HashFunction: String, Equatable, Sendable, CaseIterable {
    case sha256 = "sha-256"
    case sha384 = "sha-384"
    case sha512 = "sha-512"

    /// Length of the digest in octets; the longer the stronger.
    package var length: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }
}

/// The hash of a DTLS certificate, as `a=fingerprint` carries it (RFC 8122 §5).
package struct Fingerprint: Equatable, Sendable {
    package let hashFunction: HashFunction
    /// ``HashFunction/length`` octets.
    package let digest: [UInt8]

    /// - Returns: `nil` when the digest has not the length of the hash.
    package init?(_ hashFunction: HashFunction, digest: [UInt8]) {
        guard digest.count == hashFunction.length else { return nil }
        self.hashFunction = hashFunction
        self.digest = digest
    }

    /// Reads pairs of hexadecimal digits of either case between colons.
    init?(_ hashFunction: HashFunction, parsing text: Substring) {
        var digest: [UInt8] = []
        for pair in text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            guard pair.count == 2, let high = pair.first?.hexadecimalValue,
                let low = pair.dropFirst().first?.hexadecimalValue
            else { return nil }
            digest.append(high << 4 | low)
        }
        self.init(hashFunction, digest: digest)
    }

    /// The value of `a=fingerprint`; upper case, as the grammar has it.
    package var text: String {
        let pairs = digest.map { octet in
            (octet < 16 ? "0" : "") + String(octet, radix: 16, uppercase: true)
        }
        return "\(hashFunction.rawValue) \(pairs.joined(separator: ":"))"
    }
}
