internal import SigmaControl
internal import SigmaCore
internal import SigmaCrypto
internal import SigmaEngine

// Control protocol in, engine out: every field is checked here or by the engine, and a wrong one is named.

extension SessionRequest {
    init(_ message: OpenSession) throws(CommandError) {
        guard let sessionID = SessionID([UInt8](message.sessionID)) else { throw .invalid(.sessionID) }
        guard let roomID = RoomID(rawValue: message.roomID) else { throw .invalid(.roomID) }
        guard let role = SigmaCore.Role(message.role) else { throw .invalid(.role) }
        guard let dtlsRole = SigmaCrypto.DTLSRole(message.dtlsRole) else { throw .invalid(.dtlsRole) }
        var fingerprints: [CertificateFingerprint] = []
        for fingerprint in message.fingerprints {
            guard let hash = FingerprintHash(rawValue: UInt8(clamping: fingerprint.hashFunction.rawValue)),
                let checked = CertificateFingerprint(hash: hash, digest: [UInt8](fingerprint.digest))
            else { throw .invalid(.fingerprints) }
            fingerprints.append(checked)
        }
        var media: [MediaLineRecord] = []
        for line in message.media { media.append(try MediaLineRecord(line)) }
        self.init(
            sessionID: sessionID, roomID: roomID, role: role, remoteUfrag: Array(message.remoteUfrag.utf8),
            fingerprints: fingerprints, dtlsRole: dtlsRole, media: media,
            rids: message.media.flatMap { line in line.rids.map { Array($0.utf8) } },
            cname: Array(message.cname.utf8), takesOver: message.takesOver)
    }
}

extension MediaLineRecord {
    init(_ line: MediaLine) throws(CommandError) {
        self.init()
        guard let mid = FixedOctets<16>(Array(line.mid.utf8)) else { throw .invalid(.mid) }
        guard let kind = MediaKind(rawValue: UInt8(clamping: line.kind.rawValue)),
            let codec = SigmaCore.Codec(rawValue: UInt8(clamping: line.codec.rawValue))
        else { throw .invalid(.media) }
        guard let payloadType = UInt8(exactly: line.payloadType),
            let rtxPayloadType = UInt8(exactly: line.rtxPayloadType), rtxPayloadType < 128
        else { throw .invalid(.payloadType) }
        self.mid = mid
        self.kind = kind
        self.codec = codec
        self.payloadType = payloadType
        self.rtxPayloadType = rtxPayloadType
        clockRate = line.clockRate
        ssrc = line.ssrcs.first ?? 0
        rtxSSRC = line.rtxSsrc
        rtxTime = UInt16(clamping: line.rtxTime)
        feedback = Feedback(line)
        for element in line.extensions {
            // An extension that this version does not know is not asked for by anything it sends.
            guard let kind = SigmaCore.ExtensionKind(rawValue: UInt8(clamping: element.kind.rawValue)) else {
                continue
            }
            guard (1...14).contains(element.id) else { throw .invalid(.extensions) }
            extensionIDs[Int(kind.rawValue)] = UInt8(element.id)
        }
    }
}

extension MediaLineRecord.Feedback {
    init(_ line: MediaLine) {
        self = []
        if line.nack { insert(.nack) }
        if line.nackPli { insert(.nackPLI) }
        if line.ccmFir { insert(.ccmFIR) }
        if line.transportCc { insert(.transportCC) }
        if line.googRemb { insert(.googREMB) }
        if line.reducedSizeRtcp { insert(.reducedSize) }
    }
}

extension SigmaCore.Role {
    init?(_ role: SigmaControl.Role) {
        switch role {
        case .publisher: self = .publisher
        case .viewer: self = .viewer
        case .unspecified, .UNRECOGNIZED: return nil
        }
    }
}

extension SigmaCrypto.DTLSRole {
    init?(_ role: SigmaControl.DTLSRole) {
        switch role {
        case .server: self = .server
        case .client: self = .client
        case .unspecified, .UNRECOGNIZED: return nil
        }
    }
}

extension SigmaCore.EndReason {
    /// A reason that this version does not know, or none, counts as requested.
    init(_ reason: SigmaControl.EndReason) {
        self = SigmaCore.EndReason(rawValue: UInt8(clamping: reason.rawValue)) ?? .requested
    }
}
