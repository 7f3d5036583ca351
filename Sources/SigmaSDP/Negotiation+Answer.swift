extension Negotiation {
    /// Writes the answer: the m-sections of the offer in their order, rejected ones with port 0
    /// (RFC 9429 §5.3.1).
    ///
    /// - Returns: SDP with CRLF line ends.
    package func answer(_ local: LocalDescription) -> String {
        let writer = AnswerWriter(negotiation: self, local: local)
        return (writer.session + sections.flatMap(writer.section)).map { $0 + "\r\n" }.joined()
    }
}

/// Writes the lines of an answer.
private struct AnswerWriter {
    let negotiation: Negotiation
    let local: LocalDescription

    var session: [String] {
        var lines = [
            "v=0",
            // 63 bits (RFC 9429 §5.2.1).
            "o=- \(local.sessionID & UInt64(Int64.max)) 1 IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            "a=ice-lite",
            "a=ice-options:ice2",
        ]
        if !negotiation.bundle.isEmpty {
            lines.append("a=group:BUNDLE \(negotiation.bundle.joined(separator: " "))")
        }
        if negotiation.allowsMixedExtensions { lines.append("a=extmap-allow-mixed") }
        return lines
    }

    func section(_ section: AnsweredSection) -> [String] {
        switch section.outcome {
        case .accepted(let index): accepted(section.offered, as: negotiation.media[index])
        case .inactive: unused(section.offered, port: address?.port ?? 9) + candidates
        case .rejected: unused(section.offered, port: 0) + ["a=end-of-candidates"]
        }
    }

    private func accepted(_ offered: OfferedMedia, as media: NegotiatedMedia) -> [String] {
        let formats = [media.payloadType, media.rtxPayloadType].compactMap { $0 }.map(String.init)
        var lines = head(offered, port: address?.port ?? 9, formats: formats)
        lines.append(negotiation.role == .publisher ? "a=recvonly" : "a=sendonly")
        lines += transport
        lines += multiplexing
        if offered.reducedSizeRTCP { lines.append("a=rtcp-rsize") }
        if offered.allowsMixedExtensions { lines.append("a=extmap-allow-mixed") }
        lines += extensions(media) + format(media) + layers(media) + source(media)
        return media.mid == taggedMid ? lines + candidates : lines
    }

    /// The section that carries the transport of the bundle (RFC 9143 §7.3.1).
    private var taggedMid: String? { negotiation.bundle.first ?? negotiation.media.first?.mid }

    /// Writes an m-section without media; of a rejected one a conforming client reads no further than its
    /// port (RFC 3264 §6).
    ///
    /// One format is demanded by the grammar. It is one of ours if there is one, and the transport stands
    /// here too, because aiortc refuses the whole answer when a section has no common codec, ice-ufrag, setup
    /// or rtcp-mux; it gives up the transport it keeps for a rejected one at the end of no candidates.
    private func unused(_ offered: OfferedMedia, port: UInt16) -> [String] {
        let known = offered.payloadFormats.first { $0.codec != nil && !$0.collidesWithRTCP }
        let format = known.map { String($0.payloadType) } ?? offered.formats.first ?? "0"
        var lines = head(offered, port: port, formats: [format]) + ["a=inactive"] + transport
        if offered.kind != nil { lines += multiplexing }
        if let known, let codec = known.codec {
            lines.append(rtpmap(known.payloadType, codec))
            if let h264 = H264Format(known) { lines.append("a=fmtp:\(known.payloadType) \(h264.answer)") }
        }
        return lines
    }

    /// The default candidate; IPv4 reaches more peers that know no ICE (RFC 8445 §5.1.4).
    private var address: Candidate? { local.candidates.first { !$0.isIPv6 } ?? local.candidates.first }

    /// - Parameter port: 0 for a rejected section, which has no address either.
    private func head(_ offered: OfferedMedia, port: UInt16, formats: [String]) -> [String] {
        let address = port == 0 ? nil : address
        var lines = [
            "m=\(offered.media) \(port) \(offered.transportProtocol) \(formats.joined(separator: " "))",
            "c=IN \(address?.isIPv6 == true ? "IP6" : "IP4") \(address?.address ?? "0.0.0.0")",
        ]
        if let mid = offered.mid { lines.append("a=mid:\(mid)") }
        return lines
    }

    private var transport: [String] {
        [
            "a=ice-ufrag:\(local.credentials.ufrag)",
            "a=ice-pwd:\(local.credentials.password)",
            "a=fingerprint:\(local.fingerprint.text)",
            negotiation.dtlsRole == .server ? "a=setup:passive" : "a=setup:active",
        ]
    }

    /// Demanded of both sides, whatever the offer says (RFC 9725 §4.4.1).
    private var multiplexing: [String] { ["a=rtcp-mux", "a=rtcp-mux-only"] }

    private func extensions(_ media: NegotiatedMedia) -> [String] {
        media.extensions.map { item in
            let direction = item.direction == .sendrecv ? "" : "/\(item.direction.rawValue)"
            return "a=extmap:\(item.id)\(direction) \(item.kind.uri)"
        }
    }

    private func format(_ media: NegotiatedMedia) -> [String] {
        var lines = [rtpmap(media.payloadType, media.codec)]
        for (message, words) in Feedback.words where media.feedback.contains(message) {
            lines.append("a=rtcp-fb:\(media.payloadType) \(words)")
        }
        if !media.formatParameters.isEmpty {
            lines.append("a=fmtp:\(media.payloadType) \(media.formatParameters)")
        }
        if let rtx = media.rtxPayloadType {
            lines.append("a=rtpmap:\(rtx) rtx/\(media.clockRate)")
            lines.append("a=fmtp:\(rtx) apt=\(media.payloadType)")
        }
        return lines
    }

    private func rtpmap(_ payloadType: UInt8, _ codec: Codec) -> String {
        "a=rtpmap:\(payloadType) \(codec.encodingName)/\(codec.clockRate)\(codec == .opus ? "/2" : "")"
    }

    /// Answers simulcast as offered, restrictions included: we may drop none (RFC 8851 §6.3).
    private func layers(_ media: NegotiatedMedia) -> [String] {
        guard !media.layers.isEmpty else { return [] }
        let lines = media.layers.map { layer in
            "a=rid:\(layer.rid) recv" + (layer.answeredRestrictions(media.payloadType).map { " \($0)" } ?? "")
        }
        return lines + ["a=simulcast:recv \(media.rids.joined(separator: ";"))"]
    }

    /// Names the one stream and the SSRC that a viewer gets (RFC 8830 §2, RFC 5576 §4.1).
    private func source(_ media: NegotiatedMedia) -> [String] {
        guard negotiation.role == .viewer else { return [] }
        let msid = "\(local.streamID) \(local.streamID)-\(media.kind.rawValue)"
        var lines = ["a=msid:\(msid)"]
        if let source = media.ssrcs.first, let rtx = media.rtxSSRC {
            lines.append("a=ssrc-group:FID \(source) \(rtx)")
        }
        for ssrc in media.ssrcs + [media.rtxSSRC].compactMap({ $0 }) {
            lines.append("a=ssrc:\(ssrc) cname:\(local.cname)")
            lines.append("a=ssrc:\(ssrc) msid:\(msid)")
        }
        return lines
    }

    /// All there are: none is added later (RFC 9725 §4.3.2).
    private var candidates: [String] {
        let lines = local.candidates.enumerated().map { index, candidate in
            // Type preference 126, component 1 (RFC 8445 §5.1.2.1); the first is preferred most.
            let priority = 126 << 24 + max(0, 65_535 - index) << 8 + 255
            return
                "a=candidate:\(index + 1) 1 udp \(priority) \(candidate.address) \(candidate.port) typ host"
        }
        return lines + ["a=end-of-candidates"]
    }
}

extension OfferedLayer {
    /// The restrictions with `pt` narrowed to the one payload type of the answer.
    fileprivate func answeredRestrictions(_ payloadType: UInt8) -> String? {
        guard !restrictions.isEmpty else { return nil }
        return restrictions.parts(between: ";").map { restriction in
            restriction.hasPrefix("pt=") ? "pt=\(payloadType)" : String(restriction)
        }.joined(separator: ";")
    }
}
