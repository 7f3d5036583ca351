/// An offered payload type of H.264 with its parameters read (RFC 6184 §8.1).
struct H264Format: Equatable {
    let format: PayloadFormat
    /// What the answer says: the offer's, its level raised where that is allowed and needed.
    private(set) var profile: H264Profile
    /// 0 or 1.
    let packetizationMode: Int
    let allowsLevelAsymmetry: Bool

    /// - Returns: `nil` for other codecs, parameters that do not parse, and interleaved mode, which nobody
    ///   sends.
    init?(_ format: PayloadFormat) {
        guard format.codec == .h264 else { return nil }
        self.format = format
        if let text = format.parameters["profile-level-id"] {
            guard let profile = H264Profile(parsing: text) else { return nil }
            self.profile = profile
        } else {
            profile = .absent
        }
        guard let mode = (format.parameters["packetization-mode"] ?? "0").decimal(Int.self), mode <= 1 else {
            return nil
        }
        packetizationMode = mode
        allowsLevelAsymmetry = format.parameters["level-asymmetry-allowed"] == "1"
    }

    /// The value of `a=fmtp` in the answer.
    ///
    /// Profile and packetization mode are the offer's: they identify the format (RFC 6184 §8.2.2).
    var answer: String {
        var parameters: [String] = []
        if allowsLevelAsymmetry { parameters.append("level-asymmetry-allowed=1") }
        parameters.append("packetization-mode=\(packetizationMode)")
        parameters.append("profile-level-id=\(profile.text)")
        return parameters.joined(separator: ";")
    }

    /// Picks what a publisher is to send: fragments before single packets, then the profile that most
    /// viewers can show, then the publisher's order.
    static func preferred(of formats: [H264Format]) -> H264Format? {
        formats.firstMinimum { [1 - $0.packetizationMode, $0.profile.profile.rawValue] }
    }

    /// Picks the format in which a viewer can be sent what is published.
    ///
    /// - Returns: `nil` where no profile fits, or the level is lower and may not differ.
    static func matching(_ published: PublishedMedia.Video, of formats: [H264Format]) -> H264Format? {
        let fitting = formats.filter { format in
            // Single packets may be sent in mode 1, fragments not in mode 0 (RFC 6184 §6.2).
            format.packetizationMode >= published.packetizationMode
                && format.distance(to: published.profile) != nil
                && (format.allowsLevelAsymmetry || format.reachesLevel(of: published.profile))
        }
        var best = fitting.firstMinimum { format in
            [
                format.distance(to: published.profile) ?? 0,
                1 - format.packetizationMode,
                format.reachesLevel(of: published.profile) ? 0 : 1,
                format.profile.profile.rawValue,
            ]
        }
        if let format = best { best?.profile = format.profile.raised(toLevelOf: published.profile) }
        return best
    }

    private func reachesLevel(of published: H264Profile) -> Bool {
        profile.levelRank >= published.levelRank
    }

    /// Says how far from the published profile this one is: 0 the same, 1 a decoder for it, `nil` none.
    ///
    /// Any profile passes for Baseline, last. What Baseline has beyond Constrained Baseline (slices in any
    /// order, redundant slices) no encoder in use makes and no browser decodes; FFmpeg and x264 streams are
    /// announced as 42001f all the same, and some players offer only 42e01f and 640c1f.
    private func distance(to published: H264Profile) -> Int? {
        if profile.isSameProfile(as: published) { return 0 }
        if profile.canDecode(published) { return 1 }
        return published.profile == .baseline ? 2 : nil
    }
}

extension [H264Format] {
    /// The first of those whose key is least, keys compared number by number.
    fileprivate func firstMinimum(by key: (H264Format) -> [Int]) -> H264Format? {
        // `min` keeps the first of equals.
        self.min { key($0).lexicographicallyPrecedes(key($1)) }
    }
}
