import SigmaImpairment
import SigmaNetsim
import SigmaWire
import Testing

@Suite("Order: what an operator says")
struct OrderTests {
    @Test(arguments: [
        ("loss 5%", Change.loss(0.05)),
        ("loss 0.05", .loss(0.05)),
        ("burst 1% 25%", .burst(.init(start: 0.01, end: 0.25))),
        ("burst off", .burst(nil)),
        ("delay 25ms", .delay(25_000_000)),
        ("jitter 500us", .jitter(500_000)),
        ("reorder 20% 5ms 20ms", .reorder(.init(share: 0.2, hold: 5_000_000...20_000_000))),
        ("duplicate 1%", .duplicate(0.01)),
        ("rate 1.5M 64k", .rate(.init(rate: 1_500_000, queue: 64_000))),
        ("rate off", .rate(nil)),
        ("blackout 2s", .blackout(2_000_000_000)),
        ("  clear ", .clear),
    ])
    func `each form says its change, either way or one way`(text: String, change: Change) throws {
        #expect(try Order(parsing: text) == .change(change, [.up, .down]))
        #expect(try Order(parsing: "both \(text)") == .change(change, [.up, .down]))
        #expect(try Order(parsing: "up \(text)") == .change(change, [.up]))
        #expect(try Order(parsing: "down \(text)") == .change(change, [.down]))
    }

    @Test(arguments: [
        "", "up", "lose 5%", "loss", "loss 101%", "loss -1", "loss x", "loss nan", "burst 1%", "burst 1% 0",
        "delay 25", "delay -1ms", "delay 1h", "delay 1e99s", "reorder 20% 20ms 5ms", "rate 0 64k", "rate 2M",
        "rate 1e30M 1", "clear all", "counts now",
    ])
    func `what is not understood is a mistake that names itself`(text: String) {
        #expect(throws: Order.Mistake.self) { try Order(parsing: text) }
    }

    @Test func `options are orders too`() throws {
        let arguments = [
            "--server", "127.0.0.1:5004", "--seed", "3", "--down", "loss 5%, delay 25ms", "--up",
            "delay 25ms",
        ]
        guard case .run(let options) = NetsimOptions.parse(arguments) else {
            Issue.record("refused")
            return
        }
        #expect(options.server.description == "127.0.0.1:5004")
        #expect(options.listen.description == "127.0.0.1:0")
        #expect(options.seed == 3)
        #expect(
            options.orders == [
                .change(.loss(0.05), [.down]), .change(.delay(25_000_000), [.down]),
                .change(.delay(25_000_000), [.up]),
            ])
    }

    @Test(arguments: [
        [], ["--server"], ["--server", "127.0.0.1"], ["--server", "x:1"], ["--seed", "-1"], ["--loss", "1"],
        ["--down", "loss"],
    ])
    func `a mistake on the command line is one line`(arguments: [String]) {
        guard case .mistake(let line) = NetsimOptions.parse(arguments) else {
            Issue.record("taken: \(arguments)")
            return
        }
        #expect(!line.contains("\n"))
    }
}
