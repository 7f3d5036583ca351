/// What an m-section says about its ICE and DTLS transport, session-level lines included.
package struct TransportParameters: Equatable, Sendable {
    /// `a=setup` (RFC 8842 §5.1).
    package enum Setup: String, Equatable, Sendable {
        case actpass
        case active
        case passive
    }

    package let credentials: ICECredentials
    /// All of the strongest hash, never empty.
    package let fingerprints: [Fingerprint]
    package let setup: Setup

    /// Media-level lines win over those of the session (RFC 8839 §5.4, RFC 8122 §5).
    init(
        _ media: [SessionDescription.Attribute], session: [SessionDescription.Attribute]
    ) throws(NegotiationError) {
        credentials = try Self.credentials(
            ufrag: media.first("ice-ufrag") ?? session.first("ice-ufrag"),
            password: media.first("ice-pwd") ?? session.first("ice-pwd"))
        let fingerprints = media.all("fingerprint")
        self.fingerprints = try Self.strongest(
            of: fingerprints.isEmpty ? session.all("fingerprint") : fingerprints)
        setup = try Self.setup(media.first("setup") ?? session.first("setup"))
    }

    static func credentials(
        ufrag: SessionDescription.Attribute?, password: SessionDescription.Attribute?
    ) throws(NegotiationError) -> ICECredentials {
        guard let ufrag, let password else { throw .missingICECredentials }
        guard ICECredentials.isUfrag(ufrag.value) else { throw .malformedAttribute(line: ufrag.line) }
        guard let credentials = ICECredentials(ufrag: ufrag.value, password: password.value) else {
            throw .malformedAttribute(line: password.line)
        }
        return credentials
    }

    /// Only the strongest hash counts, or an attacker would choose the weakest (RFC 8122 §5.1).
    private static func strongest(
        of attributes: [SessionDescription.Attribute]
    ) throws(NegotiationError) -> [Fingerprint] {
        guard !attributes.isEmpty else { throw .missingFingerprint }
        var known: [Fingerprint] = []
        for attribute in attributes {
            let (name, digest) = attribute.value.halves(at: " ")
            guard let hashFunction = HashFunction(rawValue: name.lowercased()) else { continue }
            guard let fingerprint = Fingerprint(hashFunction, parsing: (digest ?? "").trimmed) else {
                throw .malformedAttribute(line: attribute.line)
            }
            if !known.contains(fingerprint) { known.append(fingerprint) }
            guard known.count <= maximumFingerprints else { throw .malformedAttribute(line: attribute.line) }
        }
        guard let length = known.map(\.digest.count).max() else { throw .weakFingerprint }
        return known.filter { $0.digest.count == length }
    }

    /// No client has more than one; the bound keeps what media is told small.
    private static let maximumFingerprints = 8

    /// Without the line the peer is taken to leave the choice to us: every client that omits it can be
    /// the DTLS client.
    private static func setup(_ attribute: SessionDescription.Attribute?) throws(NegotiationError) -> Setup {
        guard let attribute else { return .actpass }
        guard attribute.value.isToken else { throw .malformedAttribute(line: attribute.line) }
        guard let setup = Setup(rawValue: attribute.value.lowercased()) else {
            throw .setup(attribute.value)
        }
        return setup
    }
}
