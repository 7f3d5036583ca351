package import SigmaPeer

/// What the command line asks for.
package struct LoadOptions: Sendable {
    package var whep: HTTPURL?
    package var whip: HTTPURL?
    package var token: String?
    package var viewers = 1
    package var rooms = 1
    /// Joins that may be under way at one time.
    package var joins: Int?
    /// Joins begun per second; 0: as fast as ``joins`` lets them.
    package var joinRate = 0.0
    /// Viewers replaced by new ones per second, within the window.
    package var churn = 0.0
    /// Joins within the window that leave at their first packet.
    package var connects = 0
    package var connectRate = 0.0
    package var connectsOnly = false
    /// Seconds from the last viewer's connection to the window.
    package var warmup = 2.0
    /// How long the window is.
    package var seconds = 10.0
    package var video = SyntheticVideo.Settings()
    package var pacing = MediaPlan.Pacing.burst
    /// An Annex B file instead of synthetic pictures.
    package var file: String?
    package var profiles: [ProtectionProfile] = [.aeadAES128GCM, .aes128CMSHA1_80]
    package var setup = OfferedSetup.actpass
    package var sample = Sample.count(4)
    package var pids: [Int] = []
    package var asJSON = false
    package var showsProgress: Bool?

    /// Which viewers decrypt.
    package enum Sample: Equatable, Sendable {
        case count(Int)
        /// Every so many.
        case every(Int)
        case all

        package func contains(_ index: Int) -> Bool {
            switch self {
            case .count(let count): index < count
            case .every(let step): index % step == 0
            case .all: true
            }
        }
    }

    package enum Outcome {
        case run(LoadOptions)
        case help
        case mistake(String)
    }

    package init() {}

    /// How many joins may be under way: one after the other, unless a rate is asked for.
    package var joinLimit: Int { joins ?? (joinRate > 0 || connectRate > 0 || churn > 0 ? 256 : 1) }

    package static func parse(_ arguments: [String]) -> Outcome {
        var options = LoadOptions()
        var rest = arguments[...]
        while let name = rest.popFirst() {
            switch name {
            case "--help", "-h": return .help
            case "--json": options.asJSON = true
            case "--progress": options.showsProgress = true
            default:
                guard let value = rest.popFirst() else {
                    return .mistake("\(name) is no option, or lacks its value; see --help")
                }
                if let mistake = options.set(name, value) { return .mistake(mistake) }
            }
        }
        return options.mistake.map { .mistake($0) } ?? .run(options)
    }

    /// What does not fit together.
    private var mistake: String? {
        guard whep != nil || whip != nil else {
            return "--whep or --whip is needed, for example --whep http://localhost:8080/whep/1"
        }
        let urls = [whep, whip].compactMap { $0 }
        guard rooms == 1 || urls.allSatisfy({ $0.room(1) != $0 }) else {
            return "--rooms \(rooms) needs {} in --whip and --whep, where the room's number goes"
        }
        guard connects == 0 && churn == 0 || whep != nil else {
            return "--connects, --connect-only and --churn need --whep"
        }
        return nil
    }

    /// - Returns: What is wrong with the value; `nil` when nothing is.
    private mutating func set(_ name: String, _ value: String) -> String? {
        switch name {
        case "--whep": Self.take(HTTPURL(value), into: &whep, name, "an http:// URL")
        case "--whip": Self.take(HTTPURL(value), into: &whip, name, "an http:// URL")
        case "--token": Self.take(value, into: &token, name, "a token")
        case "--file": Self.take(value, into: &file, name, "a path")
        case "--srtp": Self.take(Self.profiles[value], into: &profiles, name, "gcm or cm")
        case "--setup":
            Self.take(OfferedSetup(rawValue: value), into: &setup, name, "actpass, active or passive")
        case "--pacing", "--shape":
            Self.take(MediaPlan.Pacing(rawValue: value), into: &pacing, name, "burst or paced")
        case "--cut": Self.take(SyntheticVideo.Cut(rawValue: value), into: &video.cut, name, "full or even")
        case "--sample": Self.take(Self.sample(value), into: &sample, name, "a number, 1/N or all")
        case "--pid", "--server-pid": addPID(name, value)
        default: setNumber(name, value)
        }
    }

    private mutating func setNumber(_ name: String, _ value: String) -> String? {
        switch name {
        case "--viewers": Self.takeNumber(value, 0...50_000, into: &viewers, name)
        case "--rooms": Self.takeNumber(value, 1...10_000, into: &rooms, name)
        case "--joins": Self.takeNumber(value, 1...10_000, into: &joins, name)
        case "--rate": Self.takeNumber(value, 0...10_000, into: &joinRate, name)
        case "--churn": Self.takeNumber(value, 0...10_000, into: &churn, name)
        case "--connects": Self.takeNumber(value, 0...10_000_000, into: &connects, name)
        case "--connect-rate": Self.takeNumber(value, 0...10_000, into: &connectRate, name)
        case "--connect-only":
            setConnectsOnly(Self.takeNumber(value, 1...10_000_000, into: &connects, name))
        case "--warmup": Self.takeNumber(value, 0...3600, into: &warmup, name)
        case "--seconds": Self.takeNumber(value, 0.1...86_400, into: &seconds, name)
        case "--bitrate": Self.takeNumber(value, 8_000...100_000_000, into: &video.bitrate, name)
        case "--fps": Self.takeNumber(value, 1...240, into: &video.framesPerSecond, name)
        case "--keyframe-interval": Self.takeNumber(value, 1...600, into: &video.keyframeInterval, name)
        case "--payload": Self.takeNumber(value, 100...1400, into: &video.largestPayload, name)
        default: "\(name) is no option; see --help"
        }
    }

    private mutating func setConnectsOnly(_ mistake: String?) -> String? {
        (connectsOnly, viewers) = (true, 0)
        return mistake
    }

    private mutating func addPID(_ name: String, _ value: String) -> String? {
        guard let pid = Int(value), pid > 0 else { return "\(name) must be a process id, not \(value)" }
        pids.append(pid)
        return nil
    }

    private static let profiles: [String: [ProtectionProfile]] = [
        "gcm": [.aeadAES128GCM], "cm": [.aes128CMSHA1_80],
    ]

    private static func sample(_ text: String) -> Sample? {
        if text == "all" { return .all }
        if text.hasPrefix("1/") { return Int(text.dropFirst(2)).flatMap { $0 > 0 ? .every($0) : nil } }
        return Int(text).flatMap { $0 >= 0 ? .count($0) : nil }
    }

    private static func takeNumber<T: LosslessStringConvertible & Comparable>(
        _ text: String, _ range: ClosedRange<T>, into target: inout T, _ name: String
    ) -> String? {
        take(
            T(text).flatMap { range.contains($0) ? $0 : nil }, into: &target, name,
            "\(range.lowerBound) to \(range.upperBound)")
    }

    private static func takeNumber(
        _ text: String, _ range: ClosedRange<Int>, into target: inout Int?, _ name: String
    ) -> String? {
        var number = 0
        let mistake = takeNumber(text, range, into: &number, name)
        target = number
        return mistake
    }

    private static func take<T>(
        _ value: T?, into target: inout T, _ name: String, _ expected: String
    ) -> String? {
        guard let value else { return "\(name) must be \(expected)" }
        target = value
        return nil
    }

    private static func take<T>(
        _ value: T?, into target: inout T?, _ name: String, _ expected: String
    ) -> String? {
        guard let value else { return "\(name) must be \(expected)" }
        target = value
        return nil
    }
}

extension HTTPURL {
    /// With a room's number, from 1, in place of `{}`.
    package func room(_ number: Int) -> HTTPURL {
        let parts = target.split(separator: "{}", omittingEmptySubsequences: false)
        return HTTPURL(host: host, port: port, target: parts.joined(separator: "\(number)"))
    }
}
