package import SigmaWire

/// What the server answered, as far as a peer needs it.
package struct Answer: Equatable, Sendable {
    package var ufrag: String
    package var password: String
    /// SHA-256 over the server's certificate.
    package var fingerprint: [UInt8]
    /// The server is the DTLS client (`a=setup:active`).
    package var serverIsActive: Bool
    /// UDP addresses, component 1, in order; names and TCP left out.
    package var candidates: [Address]
    /// In the order of the offer.
    package var media: [Media]

    package struct Media: Equatable, Sendable {
        package var kind: MediaKind
        package var mid: String
        /// `false` for a port of 0 (RFC 3264 §6).
        package var isAccepted: Bool
        package var payloadType: UInt8
        /// Announced by the server for what it sends; `nil` without.
        package var ssrc: UInt32?
        /// Id of the MID extension; `nil` when it was not agreed on.
        package var midExtensionID: UInt8?
        /// Generic NACK was agreed on (RFC 4585 §6.2.1).
        package var hasNACK = false
        /// Of retransmissions (RFC 4588 §8.6); `nil` without.
        package var rtxPayloadType: UInt8?
        /// Announced by the server for what it sends again.
        package var rtxSSRC: UInt32?
        /// Id of the transport-wide number; `nil` when it was not agreed on.
        package var transportNumberExtensionID: UInt8?

        package init(
            kind: MediaKind, mid: String, isAccepted: Bool = true, payloadType: UInt8, ssrc: UInt32? = nil,
            midExtensionID: UInt8? = nil, transportNumberExtensionID: UInt8? = nil
        ) {
            self.kind = kind
            self.mid = mid
            self.isAccepted = isAccepted
            self.payloadType = payloadType
            self.ssrc = ssrc
            self.midExtensionID = midExtensionID
            self.transportNumberExtensionID = transportNumberExtensionID
        }
    }

    package init(
        ufrag: String, password: String, fingerprint: [UInt8], serverIsActive: Bool, candidates: [Address],
        media: [Media]
    ) {
        self.ufrag = ufrag
        self.password = password
        self.fingerprint = fingerprint
        self.serverIsActive = serverIsActive
        self.candidates = candidates
        self.media = media
    }

    /// Reads an answer line by line; what it does not know it skips.
    ///
    /// Transport attributes are taken from the session or from the first m-section that has them, since
    /// everything is bundled (RFC 9143 §7).
    ///
    /// - Throws: ``PeerError/answer(_:)`` that names what is missing.
    package init(parsing text: String) throws(PeerError) {
        var scanner = AnswerScanner()
        for line in text.split(whereSeparator: \.isNewline) { scanner.read(line) }
        guard let ufrag = scanner.ufrag, let password = scanner.password else {
            throw .answer("no ice-ufrag or ice-pwd")
        }
        guard let fingerprint = scanner.fingerprint else { throw .answer("no sha-256 fingerprint") }
        guard let isActive = scanner.serverIsActive else { throw .answer("no a=setup of active or passive") }
        guard !scanner.candidates.isEmpty else { throw .answer("no UDP candidate") }
        guard scanner.media.contains(where: \.isAccepted) else { throw .answer("no accepted m-section") }
        self.init(
            ufrag: ufrag, password: password, fingerprint: fingerprint, serverIsActive: isActive,
            candidates: scanner.candidates, media: scanner.media)
    }
}

/// Collects the attributes of an answer.
private struct AnswerScanner {
    var ufrag: String?
    var password: String?
    var fingerprint: [UInt8]?
    var serverIsActive: Bool?
    var candidates: [Address] = []
    var media: [Answer.Media] = []

    mutating func read(_ line: Substring) {
        if line.hasPrefix("m=") {
            readMediaLine(line.dropFirst(2))
        } else if line.hasPrefix("a=") {
            let attribute = line.dropFirst(2)
            let name = attribute.prefix { $0 != ":" }
            readAttribute(name, attribute.dropFirst(name.count + 1))
        }
    }

    private mutating func readMediaLine(_ value: Substring) {
        let fields = value.split(separator: " ")
        guard fields.count >= 4, let kind = MediaKind(rawValue: String(fields[0])) else { return }
        media.append(
            Answer.Media(
                kind: kind, mid: "", isAccepted: fields[1] != "0", payloadType: UInt8(fields[3]) ?? 0))
    }

    private mutating func readAttribute(_ name: Substring, _ value: Substring) {
        let fields = value.split(separator: " ")
        switch name {
        case "ice-ufrag": ufrag = ufrag ?? fields.first.map(String.init)
        case "ice-pwd": password = password ?? fields.first.map(String.init)
        case "setup":
            if let setup = fields.first, serverIsActive == nil, setup != "actpass" {
                serverIsActive = setup == "active"
            }
        case "fingerprint": readFingerprint(fields)
        case "candidate": readCandidate(fields)
        case "mid": media.indices.last.map { media[$0].mid = String(fields.first ?? "") }
        case "ssrc":
            guard let last = media.indices.last, media[last].ssrc == nil else { return }
            media[last].ssrc = fields.first.flatMap { UInt32($0) }
        case "extmap":
            guard let last = media.indices.last, fields.count >= 2 else { return }
            let id = UInt8(fields[0].prefix { $0 != "/" })
            if fields[1] == Offer.midExtensionURI { media[last].midExtensionID = id }
            if fields[1] == Offer.transportNumberExtensionURI { media[last].transportNumberExtensionID = id }
        case "rtcp-fb":
            guard let last = media.indices.last, fields.count == 2, fields[1] == "nack" else { return }
            media[last].hasNACK = true
        case "fmtp":
            guard let last = media.indices.last, fields.count == 2,
                fields[1] == "apt=\(media[last].payloadType)"
            else { return }
            media[last].rtxPayloadType = UInt8(fields[0])
        case "ssrc-group":
            guard let last = media.indices.last, fields.count == 3, fields[0] == "FID" else { return }
            (media[last].ssrc, media[last].rtxSSRC) = (UInt32(fields[1]), UInt32(fields[2]))
        default: break
        }
    }

    private mutating func readFingerprint(_ fields: [Substring]) {
        guard fields.count >= 2, fields[0].lowercased() == "sha-256", fingerprint == nil else { return }
        let octets = fields[1].split(separator: ":").compactMap { UInt8($0, radix: 16) }
        if octets.count == 32 { fingerprint = octets }
    }

    /// RFC 8839 §5.1.
    private mutating func readCandidate(_ fields: [Substring]) {
        guard fields.count >= 6, fields[1] == "1", fields[2].lowercased() == "udp",
            let port = UInt16(fields[5]), let address = Address(literal: fields[4], port: port),
            !candidates.contains(address)
        else { return }
        candidates.append(address)
    }
}
