/// A `profile-level-id` (RFC 6184 §8.1), compared by what it means.
package struct H264Profile: Equatable, Sendable {
    /// The profiles told apart; one has several spellings (RFC 6184 §8.1, table 5).
    ///
    /// In the order in which a publisher's are preferred: what most viewers can show comes first.
    package enum Profile: Int, Equatable, Sendable, CaseIterable {
        case constrainedBaseline
        case baseline
        case main
        case constrainedHigh
        case high
        case extended
        case high10
        case high422
        case high444Predictive
    }

    /// `profile_idc`, the `constraint_set` flags and `level_idc`, one octet each, in the lower 24 bits.
    package let profileLevelID: UInt32
    package let profile: Profile

    /// What an absent `profile-level-id` means: Baseline, level 1 (RFC 6184 §8.1).
    package static let absent = H264Profile(profileLevelID: 0x42_0010, profile: .baseline)

    /// - Returns: `nil` for more than 24 bits and for a `profile_idc` that is not in the table.
    package init?(profileLevelID: UInt32) {
        guard profileLevelID <= 0xff_ffff,
            let profile = Profile(
                idc: UInt8(truncatingIfNeeded: profileLevelID >> 16),
                constraints: UInt8(truncatingIfNeeded: profileLevelID >> 8))
        else { return nil }
        self.init(profileLevelID: profileLevelID, profile: profile)
    }

    /// - Parameter text: Six hexadecimal digits of either case.
    package init?(parsing text: String) {
        guard text.utf8.count == 6 else { return nil }
        var value: UInt32 = 0
        for octet in text.utf8 {
            guard let digit = octet.hexadecimalValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        self.init(profileLevelID: value)
    }

    private init(profileLevelID: UInt32, profile: Profile) {
        self.profileLevelID = profileLevelID
        self.profile = profile
    }

    /// Six lower-case hexadecimal digits.
    package var text: String {
        let digits = String(profileLevelID, radix: 16)
        return String(repeating: "0", count: 6 - digits.count) + digits
    }

    /// `level_idc`: ten times the level, but see ``levelRank``.
    package var levelIDC: UInt8 { UInt8(truncatingIfNeeded: profileLevelID) }

    /// Orders levels: twice `level_idc`, and 21 for level 1b, which lies between 1 and 1.1.
    ///
    /// 1b is spelt as level 11 with `constraint_set3_flag` in the profiles that have no own number for it
    /// (RFC 6184 §8.1), else as 9.
    package var levelRank: Int {
        let isOneB = sharesLevelElevenWithOneB ? levelIDC == 11 && hasConstraintSet3 : levelIDC == 9
        return isOneB ? Self.rankOfOneB : 2 * Int(levelIDC)
    }

    package func isSameProfile(as other: H264Profile) -> Bool { profile == other.profile }

    /// Whether a decoder of this profile shows every stream of the other one; levels aside.
    package func canDecode(_ other: H264Profile) -> Bool {
        profile == other.profile || profile.included.contains(other.profile)
    }

    /// This profile at the level of another one, if that is higher.
    package func raised(toLevelOf other: H264Profile) -> H264Profile {
        guard other.levelRank > levelRank else { return self }
        let isOneB = other.levelRank == Self.rankOfOneB
        var bits = profileLevelID & 0xff_ff00
        switch (isOneB, sharesLevelElevenWithOneB) {
        case (true, true): bits |= 11 | Self.constraintSet3
        case (true, false): bits |= 9
        case (false, true): bits = bits & ~Self.constraintSet3 | UInt32(other.levelIDC)
        case (false, false): bits |= UInt32(other.levelIDC)
        }
        return H264Profile(profileLevelID: bits, profile: profile)
    }

    private var hasConstraintSet3: Bool { profileLevelID & Self.constraintSet3 != 0 }

    /// Baseline, Main and Extended.
    private var sharesLevelElevenWithOneB: Bool {
        [0x42, 0x4d, 0x58].contains(profileLevelID >> 16)
    }

    private static let constraintSet3: UInt32 = 0x00_1000
    private static let rankOfOneB = 21
}

extension H264Profile.Profile {
    /// Reads `profile_idc` and the `constraint_set` flags as RFC 6184 §8.1, table 5, does.
    ///
    /// The four lower flags do not matter, except in High, where `constraint_set4` and `5` together are
    /// Constrained High (ITU-T H.264 §A.2.4.2). The all-intra profiles and CAVLC 4:4:4 are not read: no
    /// WebRTC client has them, and what can decode one cannot be told from the table.
    fileprivate init?(idc: UInt8, constraints: UInt8) {
        let set0 = constraints & 0x80 != 0
        let set1 = constraints & 0x40 != 0
        let set3 = constraints & 0x10 != 0
        switch (idc, set0, set1, set3) {
        case (0x42, _, true, _), (0x4d, true, _, _), (0x58, true, true, _): self = .constrainedBaseline
        case (0x42, _, false, _), (0x58, true, false, _): self = .baseline
        case (0x4d, false, _, _): self = .main
        case (0x58, false, _, _): self = .extended
        case (0x64, _, _, _): self = constraints & 0x0c == 0x0c ? .constrainedHigh : .high
        case (0x6e, _, _, false): self = .high10
        case (0x7a, _, _, false): self = .high422
        case (0xf4, _, _, false): self = .high444Predictive
        default: return nil
        }
    }

    /// The other profiles that a decoder of this one must decode (ITU-T H.264 §A.2).
    fileprivate var included: [H264Profile.Profile] {
        switch self {
        case .constrainedBaseline: []
        case .baseline, .main, .constrainedHigh: [.constrainedBaseline]
        case .extended: [.constrainedBaseline, .baseline]
        case .high: [.constrainedBaseline, .main, .constrainedHigh]
        case .high10: [.constrainedBaseline, .main, .constrainedHigh, .high]
        case .high422: [.constrainedBaseline, .main, .constrainedHigh, .high, .high10]
        case .high444Predictive: [.constrainedBaseline, .main, .constrainedHigh, .high, .high10, .high422]
        }
    }
}

extension H264Profile: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let profile = H264Profile(profileLevelID: try container.decode(UInt32.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "unknown H.264 profile")
        }
        self = profile
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(profileLevelID)
    }
}
