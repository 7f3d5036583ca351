import SigmaImpairment
import SigmaNetsim
import Testing

@Suite("ImpairedRelay: what becomes of datagrams")
struct ImpairedRelayTests {
    private static let millisecond: Int64 = 1_000_000

    /// Sends one datagram a millisecond, each with its number, and collects those that come out.
    private struct Run {
        var relay: ImpairedRelay
        var now: Int64 = 0
        var arrived: [(number: Int, at: Int64)] = []
        private var number = 0

        init(seed: UInt64 = 1, _ orders: String...) throws {
            relay = ImpairedRelay(seed: seed)
            _ = relay.addClient()
            for order in orders { try obey(order) }
        }

        mutating func obey(_ text: String) throws {
            guard case .change(let change, let directions) = try Order(parsing: text) else { return }
            for direction in directions { relay.apply(change, to: direction, at: now) }
        }

        mutating func send(_ count: Int, octets: Int = 100, client: Int = 0, _ direction: Direction = .down) {
            for _ in 0..<count {
                let head = [UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
                let datagram = head + [UInt8](repeating: 0, count: octets - 3)
                relay.take(datagram, of: client, direction, at: now)
                number += 1
                collect(until: now)
                now += ImpairedRelayTests.millisecond
            }
        }

        /// Time goes from one arrival to the next.
        mutating func collect(until end: Int64) {
            while let deadline = relay.deadline, deadline <= end {
                while let delivery = relay.next(at: deadline) {
                    let head = delivery.octets.prefix(3).reduce(0) { $0 << 8 | Int($1) }
                    arrived.append((head, deadline))
                }
            }
        }

        var numbers: [Int] { arrived.map(\.number) }
    }

    /// Whether a count is where five standard deviations allow it.
    private func isPlausible(_ count: Int, of trials: Int, at share: Double) -> Bool {
        let expected = Double(trials) * share
        let deviation = (expected * (1 - share)).squareRoot()
        return abs(Double(count) - expected) <= 5 * deviation
    }

    @Test func `a clear link passes everything at once and in order`() throws {
        var run = try Run()
        run.send(1000)
        #expect(run.numbers == Array(0..<1000))
        #expect(run.arrived.allSatisfy { $0.at == Int64($0.number) * Self.millisecond })
        #expect(run.relay.deadline == nil)
    }

    @Test(arguments: [0.01, 0.05, 0.5])
    func `as many are lost as were asked for`(share: Double) throws {
        var run = try Run("loss \(share)")
        run.send(50_000)
        let counts = run.relay.counts[.down]
        #expect(isPlausible(counts.lost, of: 50_000, at: share), "\(counts.lost)")
        #expect(run.arrived.count == 50_000 - counts.lost)
    }

    @Test func `bursts are as frequent and as long as was asked for`() throws {
        var run = try Run("burst 1% 25%")
        run.send(200_000)
        let bursts = zip(run.numbers, run.numbers.dropFirst()).filter { $1 - $0 > 1 }
        let lost = run.relay.counts[.down].lost
        #expect(isPlausible(bursts.count, of: 200_000 - lost, at: 0.01), "\(bursts.count) bursts")
        let length = Double(lost) / Double(max(1, bursts.count))
        // Two bursts that touch count as one here.
        #expect((3.8...4.3).contains(length), "\(length)")
    }

    @Test func `delay moves all by as much, jitter each by its own`() throws {
        var run = try Run("delay 25ms")
        run.send(100)
        run.collect(until: .max)
        #expect(
            run.arrived.allSatisfy { $0.at == Int64($0.number) * Self.millisecond + 25 * Self.millisecond })

        run = try Run("delay 25ms", "jitter 10ms")
        run.send(1000)
        run.collect(until: .max)
        let extra = run.arrived.map { $0.at - Int64($0.number) * Self.millisecond - 25 * Self.millisecond }
        #expect(extra.allSatisfy { (0...10 * Self.millisecond).contains($0) })
        #expect((4.5...5.5).contains(Double(extra.reduce(0, +)) / 1000 / Double(Self.millisecond)))
    }

    @Test func `those held back are overtaken, and the others keep their order`() throws {
        var run = try Run("reorder 20% 5ms 20ms")
        run.send(20_000)
        run.collect(until: .max)
        let late = run.arrived.filter { $0.at > Int64($0.number) * Self.millisecond }
        #expect(isPlausible(late.count, of: 20_000, at: 0.2), "\(late.count)")
        #expect(run.relay.counts[.down].reordered == late.count)
        let holds = late.map { $0.at - Int64($0.number) * Self.millisecond }
        #expect(holds.allSatisfy { (5 * Self.millisecond...20 * Self.millisecond).contains($0) })
        let prompt = run.arrived.filter { $0.at == Int64($0.number) * Self.millisecond }.map(\.number)
        #expect(prompt == prompt.sorted())
        #expect(run.numbers.sorted() == Array(0..<20_000))
    }

    @Test func `duplicates come twice and are the same`() throws {
        var run = try Run("duplicate 1%")
        run.send(50_000)
        let twice = Dictionary(grouping: run.numbers) { $0 }.values.filter { $0.count == 2 }.count
        #expect(isPlausible(twice, of: 50_000, at: 0.01), "\(twice)")
        #expect(run.relay.counts[.down].duplicated == twice)
        #expect(run.relay.counts[.down].sent == 50_000 + twice)
    }

    @Test func `the rate limit passes its rate, and its queue holds what it may`() throws {
        // 10 Mbit/s into 1 Mbit/s: ten milliseconds each, and eight of them wait.
        var run = try Run("rate 1M 10k")
        run.send(1000, octets: 1250)
        run.collect(until: .max)
        for (earlier, later) in zip(run.arrived, run.arrived.dropFirst()) {
            #expect(later.at - earlier.at >= 10 * Self.millisecond)
        }
        #expect((106...112).contains(run.arrived.count), "\(run.arrived.count)")
        #expect(run.relay.counts[.down].rateDropped == 1000 - run.arrived.count)
        let wait = run.arrived.map { $0.at - Int64($0.number) * Self.millisecond }.max() ?? 0
        #expect((80 * Self.millisecond...100 * Self.millisecond).contains(wait), "\(wait)")
    }

    @Test func `a black-out passes nothing and ends by itself`() throws {
        var run = try Run()
        run.send(10)
        try run.obey("down blackout 2s")
        run.send(2010)
        #expect(run.numbers == Array(0..<10) + Array(2010..<2020))
        #expect(run.relay.counts[.down].blackedOut == 2000)
        try run.obey("blackout 2s")
        try run.obey("clear")
        run.send(1)
        #expect(run.numbers.last == 2020)
    }

    @Test func `directions have conditions and counts of their own`() throws {
        var run = try Run("down loss 100%")
        run.send(10)
        run.send(10, .up)
        #expect(run.numbers == Array(10..<20))
        #expect(run.relay.counts[.down].lost == 10)
        #expect(run.relay.counts[.up].sent == 10)
        #expect(run.relay.counts[.up].lost == 0)
    }

    @Test func `the same seed has the same fate, whatever other clients and the other direction do`() throws {
        let orders = ["loss 10%", "jitter 30ms", "reorder 10% 5ms 20ms", "duplicate 5%", "burst 1% 30%"]
        func fates(seed: UInt64, others: Bool) throws -> [Int] {
            var run = try Run(seed: seed)
            let second = run.relay.addClient()
            for order in orders { try run.obey(order) }
            for _ in 0..<200 {
                run.send(1)
                if others {
                    run.relay.take([255, 255, 255], of: second, .down, at: run.now)
                    run.relay.take([255, 255, 255], of: 0, .up, at: run.now)
                }
            }
            run.collect(until: .max)
            return run.numbers.filter { $0 < 1000 }
        }
        let alone = try fates(seed: 7, others: false)
        #expect(try fates(seed: 7, others: false) == alone)
        #expect(try fates(seed: 7, others: true) == alone)
        #expect(try fates(seed: 8, others: false) != alone)
    }

    @Test func `the report is one line of JSON (RFC 8259)`() throws {
        var run = try Run("down loss 100%")
        run.send(3)
        let up =
            #"{"received":0,"sent":0,"lost":0,"blacked_out":0,"duplicated":0,"reordered":0,"rate_dropped":0}"#
        let down =
            #"{"received":3,"sent":0,"lost":3,"blacked_out":0,"duplicated":0,"reordered":0,"rate_dropped":0}"#
        #expect(run.relay.report == #"{"clients":1,"up":\#(up),"down":\#(down)}"#)
    }
}
