import SigmaTestKit
import Testing

@Suite("Scenarios: whatever peers, networks, clocks and strangers do, the promises hold")
struct ScenarioTests {
    @Test(arguments: Seeds.chunks(10_000))
    func `10 000 runs at a low packet rate, consent in each of them (RFC 7675 §5.1)`(
        seeds: Range<UInt64>
    ) throws {
        var connected = 0
        var relayed: UInt64 = 0
        for seed in seeds {
            let outcome = try Scenario(seed: seed, shape: .lowRate).run()
            connected += outcome.connected
            relayed += outcome.relayed
            #expect(outcome.violations.isEmpty, Seeds.command(seed, "low packet rate", outcome.story))
        }
        // Runs in which nobody came through would prove nothing.
        if seeds.count > 20 { #expect(connected > seeds.count * 2) }
        if seeds.count > 20 { #expect(relayed > 100) }
    }

    @Test(arguments: Seeds.chunks(200))
    func `200 runs at video rate`(seeds: Range<UInt64>) throws {
        for seed in seeds {
            let outcome = try Scenario(seed: seed, shape: .videoRate).run()
            #expect(outcome.violations.isEmpty, Seeds.command(seed, "video rate", outcome.story))
        }
    }

    @Test(arguments: [1, 2, 3, 5, 8, 13, 21, 34, 55, 89] as [UInt64])
    func `a seed run twice gives the same octets`(seed: UInt64) throws {
        let first = try Scenario(seed: seed, shape: .lowRate).run()
        #expect(try Scenario(seed: seed, shape: .lowRate).run() == first)
    }
}
