import SigmaPeer
import SigmaTestKit
import Testing

@Suite(
    "Loss: what is asked for is offered again, at most ten times, under its own number (RFC 4585, RFC 4588)")
struct LossScenarioTests {
    @Test(arguments: Seeds.chunks(3_000))
    func `3000 networks that lose, at a low packet rate`(seeds: Range<UInt64>) throws {
        try run(seeds, .lowRate, "that lose, at a low")
    }

    @Test(arguments: Seeds.chunks(300))
    func `300 networks that lose, at the rate of video`(seeds: Range<UInt64>) throws {
        try run(seeds, .videoRate, "that lose, at the rate")
    }

    private func run(_ seeds: Range<UInt64>, _ shape: Scenario.Shape, _ name: String) throws {
        var offered = 0
        var recovered = 0
        for seed in seeds {
            let outcome = try LossScenario(seed: seed, shape: shape).run()
            offered += outcome.offeredAgain
            recovered += outcome.counts.reduce(0) { $0 + $1.recovered }
            #expect(outcome.violations.isEmpty, Seeds.command(seed, name, outcome.story))
        }
        // Runs in which nothing was repaired would prove nothing.
        if seeds.count > 10 { #expect(offered > seeds.count && recovered > seeds.count / 2) }
    }
}
