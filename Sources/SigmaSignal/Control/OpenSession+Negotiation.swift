import FoundationEssentials
package import SigmaControl
package import SigmaSDP

extension SigmaControl.OpenSession {
    /// What media is told of an offer that was accepted.
    package init(_ negotiation: Negotiation, session: Session, cname: String) {
        self.init()
        sessionID = Data(session.id.octets)
        roomID = session.room.number
        role = session.role == .publisher ? .publisher : .viewer
        remoteUfrag = negotiation.credentials.ufrag
        remotePassword = negotiation.credentials.password
        fingerprints = negotiation.fingerprints.map { .init($0) }
        dtlsRole = negotiation.dtlsRole == .server ? .server : .client
        media = negotiation.media.map { .init($0) }
        self.cname = cname
        // All who publish have the token; the one who comes last is who is wanted.
        takesOver = session.role == .publisher
    }
}

extension SigmaControl.Fingerprint {
    init(_ fingerprint: SigmaSDP.Fingerprint) {
        self.init()
        digest = Data(fingerprint.digest)
        hashFunction =
            switch fingerprint.hashFunction {
            case .sha256: .sha256
            case .sha384: .sha384
            case .sha512: .sha512
            }
    }
}

extension SigmaSDP.Fingerprint {
    /// - Returns: `nil` for a hash function that is not known or a digest that does not fit it.
    init?(_ fingerprint: SigmaControl.Fingerprint) {
        let hash: SigmaSDP.HashFunction
        switch fingerprint.hashFunction {
        case .sha256: hash = .sha256
        case .sha384: hash = .sha384
        case .sha512: hash = .sha512
        case .unspecified, .UNRECOGNIZED: return nil
        }
        self.init(hash, digest: Array(fingerprint.digest))
    }
}

extension SigmaControl.MediaLine {
    init(_ media: NegotiatedMedia) {
        self.init()
        mid = media.mid
        kind = media.kind == .audio ? .audio : .video
        codec = media.codec == .opus ? .opus : .h264
        payloadType = UInt32(media.payloadType)
        rtxPayloadType = UInt32(media.rtxPayloadType ?? 0)
        clockRate = media.clockRate
        extensions = media.extensions.map { .init($0) }
        ssrcs = media.ssrcs
        rtxSsrc = media.rtxSSRC ?? 0
        rtxTime = media.rtxTime ?? 0
        rids = media.rids
        nack = media.nack
        nackPli = media.nackPLI
        ccmFir = media.ccmFIR
        transportCc = media.transportCC
        googRemb = media.googREMB
        reducedSizeRtcp = media.reducedSizeRTCP
    }
}

extension SigmaControl.HeaderExtension {
    init(_ header: SigmaSDP.HeaderExtension) {
        self.init()
        id = UInt32(header.id)
        kind =
            switch header.kind {
            case .mid: .mid
            case .rid: .rid
            case .repairedRid: .repairedRid
            case .audioLevel: .audioLevel
            case .videoOrientation: .videoOrientation
            case .absSendTime: .absSendTime
            case .transportCC: .transportCc
            case .playoutDelay: .playoutDelay
            case .colorSpace: .colorSpace
            case .absCaptureTime: .absCaptureTime
            }
    }
}
