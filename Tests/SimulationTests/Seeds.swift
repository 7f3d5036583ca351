import Foundation
import Testing

/// The seeds of one run: `SIGMA_SEED` alone when it is set, else the usual number, or for `SIGMA_SEEDS=N` as many
/// as are N of 10 000.
enum Seeds {
    private static let environment = ProcessInfo.processInfo.environment
    private static let chunks: UInt64 = 16
    private static let usual: UInt64 = 10_000

    /// The numbers from 1 to `count` in ranges, which tests run side by side: each has a world of its own.
    static func chunks(_ count: UInt64) -> [Range<UInt64>] {
        if let seed = environment["SIGMA_SEED"].flatMap(UInt64.init) { return [seed..<(seed + 1)] }
        let asked = environment["SIGMA_SEEDS"].flatMap(UInt64.init) ?? usual
        let count = max(1, count * asked / usual)
        let size = max(1, count / chunks)
        return stride(from: 1, through: count, by: Int(size)).map { first in
            first..<min(first + size, count + 1)
        }
    }

    /// The command that runs a seed again, and what happened in it.
    static func command(_ seed: UInt64, _ filter: String, _ story: [String] = []) -> Comment {
        let command = "SIGMA_SEED=\(seed) SIGMA_CORE_ONLY=1 swift test -c release --filter '\(filter)'"
        return Comment(rawValue: ([command] + story).joined(separator: "\n"))
    }
}
