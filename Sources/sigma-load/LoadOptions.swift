import SigmaPeer

/// What the command line asks for.
struct LoadOptions {
    var whep: HTTPURL?
    var whip: HTTPURL?
    var token: String?
    var viewers = 1
    /// How long the viewers watch, from the last one's request on.
    var seconds = 10.0
    var bitrate = 2_500_000
    var framesPerSecond = 30
    var keyframeInterval = 2
    var profiles: [ProtectionProfile] = [.aeadAES128GCM, .aes128CMSHA1_80]
    var setup = OfferedSetup.actpass
    var asJSON = false

    static let usage = """
        usage: sigma-load [--whep URL [--viewers 1]] [--whip URL [--token TOKEN]] [--seconds 10] [--json]

          --whep URL               watch there: every viewer counts packets, gaps, frames
          --viewers N              that many viewers, each with a socket of its own
          --whip URL               publish synthetic H.264 and Opus there
          --token TOKEN            bearer token of --whip, and of --whep where it wants one
          --bitrate BIT/S          of the synthetic video, 2500000
          --fps N                  30
          --keyframe-interval S    seconds from keyframe to keyframe, 2
          --seconds S              how long, 10
          --srtp gcm|cm            offer only this SRTP profile
          --setup actpass|active|passive
                                   a=setup of the offers
          --json                   one JSON object instead of a table

        Exit code: 0 when everyone connected, 1 when somebody did not, 64 for a mistake in the options.
        """

    enum Outcome {
        case run(LoadOptions)
        case help
        case mistake(String)
    }

    static func parse(_ arguments: [String]) -> Outcome {
        var options = LoadOptions()
        var rest = arguments[...]
        while let name = rest.popFirst() {
            switch name {
            case "--help", "-h": return .help
            case "--json": options.asJSON = true
            default:
                guard let value = rest.popFirst() else {
                    return .mistake("\(name) is no option, or lacks its value; see --help")
                }
                if let mistake = options.set(name, value) { return .mistake(mistake) }
            }
        }
        guard options.whep != nil || options.whip != nil else {
            return .mistake("--whep or --whip is needed, for example --whep http://localhost:8080/whep/1")
        }
        return .run(options)
    }

    /// - Returns: What is wrong with the value; `nil` when nothing is.
    private mutating func set(_ name: String, _ value: String) -> String? {
        switch name {
        case "--whep": return Self.take(HTTPURL(value), into: &whep, name, "an http:// URL")
        case "--whip": return Self.take(HTTPURL(value), into: &whip, name, "an http:// URL")
        case "--token":
            token = value
            return nil
        case "--viewers": return Self.take(Self.number(value, 1...10_000), into: &viewers, name, "1 to 10000")
        case "--seconds":
            guard let number = Double(value), (0.1...86_400).contains(number) else {
                return "--seconds must be 0.1 to 86400, not \(value)"
            }
            seconds = number
            return nil
        case "--bitrate":
            return Self.take(
                Self.number(value, 8_000...100_000_000), into: &bitrate, name, "8000 to 100000000")
        case "--fps": return Self.take(Self.number(value, 1...240), into: &framesPerSecond, name, "1 to 240")
        case "--keyframe-interval":
            return Self.take(Self.number(value, 1...600), into: &keyframeInterval, name, "1 to 600")
        case "--srtp":
            let known: [String: ProtectionProfile] = ["gcm": .aeadAES128GCM, "cm": .aes128CMSHA1_80]
            return Self.take(known[value].map { [$0] }, into: &profiles, name, "gcm or cm")
        case "--setup":
            return Self.take(OfferedSetup(rawValue: value), into: &setup, name, "actpass, active or passive")
        default: return "\(name) is no option; see --help"
        }
    }

    private static func number(_ text: String, _ range: ClosedRange<Int>) -> Int? {
        Int(text).flatMap { range.contains($0) ? $0 : nil }
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
