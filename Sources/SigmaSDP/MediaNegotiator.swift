/// Negotiates the m-sections of one offer, one after the other.
struct MediaNegotiator {
    let role: SessionRole
    let offer: Offer
    let capabilities: Capabilities
    /// What each extension id stands for so far: one meaning in a whole bundle (RFC 9143 §8.1).
    private var extensionIDs: [UInt8: ExtensionKind] = [:]

    init(role: SessionRole, offer: Offer, capabilities: Capabilities) {
        self.role = role
        self.offer = offer
        self.capabilities = capabilities
    }

    /// - Parameter published: What the room has; `nil` for the publisher itself.
    mutating func audio(
        _ section: OfferedMedia, published: PublishedMedia.Audio?
    ) throws(NegotiationError) -> NegotiatedMedia {
        let mid = try checkedMid(of: section)
        let formats = try usableFormats(of: section, codec: .opus)
        guard let format = formats.first else { throw .noCommonCodec(.audio) }
        let offersStereo = format.parameters["sprop-stereo"] == "1" || format.parameters["stereo"] == "1"
        return negotiated(
            section, mid: mid, format: format, codec: .opus,
            formatParameters: opusParameters(format.parameters, published: published),
            isStereo: published?.isStereo ?? offersStereo)
    }

    mutating func publishedVideo(_ section: OfferedMedia) throws(NegotiationError) -> NegotiatedMedia {
        let mid = try checkedMid(of: section)
        let formats = try usableFormats(of: section, codec: .h264).compactMap(H264Format.init)
        guard let format = H264Format.preferred(of: formats) else { throw .noCommonCodec(.video) }
        return try video(section, mid: mid, format: format)
    }

    mutating func viewedVideo(
        _ section: OfferedMedia, published: PublishedMedia.Video
    ) throws(NegotiationError) -> NegotiatedMedia {
        let mid = try checkedMid(of: section)
        let formats = try usableFormats(of: section, codec: .h264).compactMap(H264Format.init)
        guard let format = H264Format.matching(published, of: formats) else {
            throw .noCommonProfile(
                published: published.profile, packetizationMode: published.packetizationMode)
        }
        return try video(section, mid: mid, format: format)
    }

    private mutating func video(
        _ section: OfferedMedia, mid: String, format: H264Format
    ) throws(NegotiationError) -> NegotiatedMedia {
        let layers = try layers(of: section, payloadType: format.format.payloadType)
        return negotiated(
            section, mid: mid, format: format.format, codec: .h264, h264: format, layers: layers,
            formatParameters: format.answer)
    }

    // MARK: What holds for both kinds

    private func checkedMid(of section: OfferedMedia) throws(NegotiationError) -> String {
        guard let mid = section.mid else {
            throw .missingMid(section: offer.media.firstIndex(of: section) ?? 0)
        }
        guard mid.utf8.count <= Negotiation.maximumMidLength else { throw .midTooLong(mid) }
        // Without any group, a single section is a bundle of its own.
        let isAlone = offer.bundle.isEmpty && offer.media.filter(\.isLive).count == 1
        guard isAlone || offer.bundle.contains(mid) else { throw .notBundled(mid: mid) }
        guard Self.transportProtocols.contains(section.transportProtocol) else {
            throw .transportProtocol(section.transportProtocol)
        }
        return mid
    }

    /// Finds the formats of a codec in the order of the offer, without those that could be taken for RTCP.
    private func usableFormats(
        of section: OfferedMedia, codec: Codec
    ) throws(NegotiationError) -> [PayloadFormat] {
        let formats = section.payloadFormats.filter { $0.codec == codec }
        guard let first = formats.first else { throw .noCommonCodec(codec.kind) }
        let usable = formats.filter { !$0.collidesWithRTCP }
        guard !usable.isEmpty else { throw .reservedPayloadType(first.payloadType) }
        return usable
    }

    private mutating func negotiated(
        _ section: OfferedMedia, mid: String, format: PayloadFormat, codec: Codec, h264: H264Format? = nil,
        layers: [OfferedLayer] = [], formatParameters: String, isStereo: Bool = false
    ) -> NegotiatedMedia {
        // Repetitions of several layers could not be told apart by their numbers alone.
        let repair = capabilities.rtx && layers.isEmpty ? rtxFormat(for: format, in: section) : nil
        let rtx = repair?.payloadType
        let sources = role == .publisher ? section.sources : nil
        let offered = format.feedback.intersection(capabilities.feedback)
        let extensions = extensions(
            of: section, kind: codec.kind, hasLayers: !layers.isEmpty, feedback: offered)
        return NegotiatedMedia(
            mid: mid, codec: codec, payloadType: format.payloadType, rtxPayloadType: rtx,
            rtxTime: repair?.parameters["rtx-time"]?.decimal(),
            extensions: extensions, ssrcs: sources?.ssrcs ?? [],
            rtxSSRC: rtx.flatMap { _ in sources?.rtxSSRC },
            feedback: Self.usable(offered, with: extensions),
            reducedSizeRTCP: section.reducedSizeRTCP, h264Profile: h264?.profile,
            packetizationMode: h264?.packetizationMode, formatParameters: formatParameters,
            layers: layers, isStereo: isStereo)
    }

    private func rtxFormat(for format: PayloadFormat, in section: OfferedMedia) -> PayloadFormat? {
        section.payloadFormats.first { rtx in
            rtx.encodingName == "rtx" && !rtx.collidesWithRTCP && rtx.clockRate == format.clockRate
                && rtx.parameters["apt"]?.decimal() == format.payloadType
        }
    }

    /// Takes all the layers, as a publisher gives up when one is refused, or none where the packets could
    /// not be told apart (RFC 8852 §3).
    private func layers(
        of section: OfferedMedia, payloadType: UInt8
    ) throws(NegotiationError) -> [OfferedLayer] {
        guard role == .publisher, section.extensions.contains(where: { $0.kind == .rid }) else { return [] }
        let layers = section.layers.filter {
            $0.payloadTypes.isEmpty || $0.payloadTypes.contains(payloadType)
        }
        guard layers.count <= Negotiation.maximumRids,
            layers.allSatisfy({ $0.rid.utf8.count <= Negotiation.maximumMidLength })
        else { throw .tooManyLayers }
        return layers
    }

    private mutating func extensions(
        of section: OfferedMedia, kind: MediaKind, hasLayers: Bool, feedback: Feedback
    ) -> [HeaderExtension] {
        var accepted: [HeaderExtension] = []
        for offered in section.extensions {
            let direction = offered.direction
            guard role == .publisher ? direction.sends : direction.receives,
                isWanted(offered.kind, in: kind, hasLayers: hasLayers, feedback: feedback),
                extensionIDs[offered.id, default: offered.kind] == offered.kind
            else { continue }
            extensionIDs[offered.id] = offered.kind
            accepted.append(
                HeaderExtension(kind: offered.kind, id: offered.id, direction: direction.reversed))
        }
        return accepted
    }

    private func isWanted(
        _ extensionKind: ExtensionKind, in kind: MediaKind, hasLayers: Bool, feedback: Feedback
    ) -> Bool {
        switch extensionKind {
        case .mid, .absCaptureTime: true
        case .rid: hasLayers
        case .repairedRid: false
        case .audioLevel: kind == .audio
        case .videoOrientation, .playoutDelay, .colorSpace: kind == .video
        // Our estimates come from losses, not from times.
        case .absSendTime: false
        case .transportCC: feedback.contains(.transportCC)
        }
    }

    /// Leaves one way for a sender to find its bitrate: transport-wide feedback where packets carry its number, or
    /// else our estimate.
    ///
    /// Both together would be an estimate that caps a better one.
    private static func usable(_ feedback: Feedback, with extensions: [HeaderExtension]) -> Feedback {
        let hasNumber = extensions.contains { $0.kind == .transportCC }
        return feedback.subtracting(hasNumber ? .googREMB : .transportCC)
    }

    /// Echoes what the offer says about its Opus, with what is known about the channels (RFC 7587 §7.1).
    private func opusParameters(
        _ offered: FormatParameters, published: PublishedMedia.Audio?
    ) -> String {
        var answer: [String] = []
        for name in ["minptime", "maxaveragebitrate", "useinbandfec", "stereo"] {
            guard let value = offered[name], value.isDecimal else { continue }
            answer.append("\(name)=\(value)")
        }
        if role == .publisher, offered["sprop-stereo"] == "1", offered["stereo"] == nil {
            answer.append("stereo=1")
        }
        if published?.isStereo == true { answer.append("sprop-stereo=1") }
        return answer.joined(separator: ";")
    }

    /// The older names mean the same where a fingerprint stands beside them (RFC 9429 §5.1.2).
    private static let transportProtocols: Set<String> = [
        "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP",
    ]
}
