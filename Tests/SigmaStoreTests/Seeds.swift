import Foundation
import Testing

/// The seeds of one run: `SIGMA_SEED` alone when it is set, else the usual number, or for `SIGMA_SEEDS=N` as many
/// as are N of 10 000.
enum Seeds {
    private static let environment = ProcessInfo.processInfo.environment
    private static let usual: UInt64 = 10_000

    static func upTo(_ count: UInt64) -> ClosedRange<UInt64> {
        if let seed = environment["SIGMA_SEED"].flatMap(UInt64.init) { return seed...seed }
        let asked = environment["SIGMA_SEEDS"].flatMap(UInt64.init) ?? usual
        return 1...max(1, count * asked / usual)
    }

    /// The command that runs a seed again, and what happened in it.
    static func command(_ seed: UInt64, _ filter: String, _ story: [String] = []) -> Comment {
        let command = "SIGMA_SEED=\(seed) swift test -c release --filter '\(filter)'"
        return Comment(rawValue: ([command] + story).joined(separator: "\n"))
    }
}

/// Numbers that a seed repeats.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
