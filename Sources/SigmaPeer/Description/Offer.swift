/// Who sends media: a publisher, or the server to a viewer.
package enum PeerRole: Equatable, Sendable {
    case publisher
    case viewer
}

package enum MediaKind: String, Equatable, Sendable {
    case audio, video
}

/// What `a=setup` says in the offer (RFC 5763 §5).
package enum OfferedSetup: String, Equatable, Sendable {
    case actpass, active, passive
}

/// How the server is asked to say what the path carries.
package enum OfferedBandwidthFeedback: Equatable, Sendable {
    case none
    /// On each packet, by a transport-wide number.
    case transportWide
    /// As a bitrate (REMB).
    case estimate
}

/// What this peer offers: everything a server must know to open a session for it.
package struct Offer: Equatable, Sendable {
    package let role: PeerRole
    package let ufrag: String
    package let password: String
    /// SHA-256 over the certificate.
    package let fingerprint: [UInt8]
    package let setup: OfferedSetup
    package let cname: String
    package let media: [Media]

    package struct Media: Equatable, Sendable {
        package let mid: String
        package let kind: MediaKind
        /// In order of preference, with the `fmtp` of each.
        package let formats: [Format]
        /// What the publisher will send with; `nil` for a viewer.
        package let ssrc: UInt32?
        package var bandwidthFeedback = OfferedBandwidthFeedback.none
        /// Generic NACK (RFC 4585 §6.2.1).
        package var hasNACK = false
        /// What the publisher will send again with; `nil` for one that does not say, and for a viewer.
        package var rtxSSRC: UInt32?
    }

    package struct Format: Equatable, Sendable {
        package let payloadType: UInt8
        package let parameters: String
        /// Of its retransmissions (RFC 4588 §8.6).
        package var rtxPayloadType: UInt8?
    }

    /// The id offered for the MID header extension (RFC 9143 §15.1).
    package static let midExtensionID: UInt8 = 4
    package static let midExtensionURI = "urn:ietf:params:rtp-hdrext:sdes:mid"
    /// The id offered for the transport-wide sequence number.
    package static let transportNumberExtensionID: UInt8 = 3
    package static let transportNumberExtensionURI =
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

    /// Constrained baseline for a publisher, every profile that browsers take for a viewer.
    static func videoFormats(_ role: PeerRole, hasRTX: Bool) -> [Format] {
        let profiles = role == .publisher ? ["42e01f"] : ["42e01f", "42001f", "4d001f", "64001f"]
        return profiles.enumerated().map { index, profile in
            Format(
                payloadType: UInt8(102 + 2 * index),
                parameters: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=\(profile)",
                rtxPayloadType: hasRTX ? UInt8(103 + 2 * index) : nil)
        }
    }

    static let audioFormats = [Format(payloadType: 111, parameters: "minptime=10;useinbandfec=1")]

    /// The session description, as it is posted to a WHIP or WHEP endpoint.
    package var text: String {
        var lines = [
            "v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0",
            "a=group:BUNDLE " + media.map(\.mid).joined(separator: " "),
            "a=extmap-allow-mixed", "a=msid-semantic: WMS",
        ]
        for line in media { lines += section(line) }
        return lines.joined(separator: "\r\n") + "\r\n"
    }

    private func section(_ line: Media) -> [String] {
        let digits = fingerprint.map { octet in
            let hex = String(octet, radix: 16, uppercase: true)
            return hex.count == 1 ? "0" + hex : hex
        }
        let types = line.formats.flatMap { [$0.payloadType, $0.rtxPayloadType].compactMap { $0 } }
            .map { String($0) }.joined(separator: " ")
        var lines = [
            "m=\(line.kind.rawValue) 9 UDP/TLS/RTP/SAVPF \(types)", "c=IN IP4 0.0.0.0",
            "a=rtcp:9 IN IP4 0.0.0.0", "a=ice-ufrag:\(ufrag)", "a=ice-pwd:\(password)",
            "a=fingerprint:sha-256 \(digits.joined(separator: ":"))", "a=setup:\(setup.rawValue)",
            "a=mid:\(line.mid)", "a=extmap:\(Self.midExtensionID) \(Self.midExtensionURI)",
            role == .publisher ? "a=sendonly" : "a=recvonly", "a=rtcp-mux", "a=rtcp-rsize",
        ]
        if line.bandwidthFeedback == .transportWide {
            lines.append("a=extmap:\(Self.transportNumberExtensionID) \(Self.transportNumberExtensionURI)")
        }
        let codec = line.kind == .audio ? "opus/48000/2" : "H264/90000"
        for format in line.formats {
            lines.append("a=rtpmap:\(format.payloadType) \(codec)")
            lines.append("a=fmtp:\(format.payloadType) \(format.parameters)")
            switch line.bandwidthFeedback {
            case .none: break
            case .transportWide: lines.append("a=rtcp-fb:\(format.payloadType) transport-cc")
            case .estimate: lines.append("a=rtcp-fb:\(format.payloadType) goog-remb")
            }
            guard line.kind == .video else { continue }
            lines.append("a=rtcp-fb:\(format.payloadType) ccm fir")
            lines.append("a=rtcp-fb:\(format.payloadType) nack pli")
            if line.hasNACK { lines.append("a=rtcp-fb:\(format.payloadType) nack") }
            guard let rtx = format.rtxPayloadType else { continue }
            lines += ["a=rtpmap:\(rtx) rtx/90000", "a=fmtp:\(rtx) apt=\(format.payloadType)"]
        }
        if let ssrc = line.ssrc {
            lines.append("a=msid:sigma \(line.kind.rawValue)")
            lines.append("a=ssrc:\(ssrc) cname:\(cname)")
            if let rtx = line.rtxSSRC {
                lines += ["a=ssrc-group:FID \(ssrc) \(rtx)", "a=ssrc:\(rtx) cname:\(cname)"]
            }
        }
        return lines
    }
}
