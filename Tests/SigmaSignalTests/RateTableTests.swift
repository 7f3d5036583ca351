import Foundation
import SigmaSettings
import SigmaSignal
import Testing

@Suite("RateTable: so much in ten seconds, then the rate")
struct RateTableTests {
    private static let second: Int64 = 1_000_000_000

    private func limits(_ environment: [String: String]) throws -> HTTPLimits {
        try SignalSettings(environment: environment.merging(["WHIP_TOKEN": TestServer.token]) { $1 })
            .httpLimits
    }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(parsing: text)) }

    @Test func `ten seconds' worth come at once, then one for each interval`() throws {
        var table = RateTable(limits: try limits(["SIGMA_HTTP_JOINS_PER_SECOND": "10"]))
        let client = try address("192.0.2.1")
        let start: Int64 = 77 * Self.second
        for _ in 0..<100 {
            let verdict = table.take(.join, by: client, at: start)
            #expect(verdict == .allowed)
        }
        var verdict = table.take(.join, by: client, at: start)
        #expect(verdict == .refused(retryAfter: 1))
        // What is refused is not counted.
        verdict = table.take(.join, by: client, at: start + Self.second / 10)
        #expect(verdict == .allowed)
        verdict = table.take(.join, by: client, at: start + Self.second / 10)
        #expect(verdict == .refused(retryAfter: 1))
        // After a pause it is as in the beginning.
        var allowed = 0
        for _ in 0..<300 where table.take(.join, by: client, at: start + 60 * Self.second) == .allowed {
            allowed += 1
        }
        #expect(allowed == 100)
    }

    @Test func `actions and addresses are counted apart, an IPv6 client by its subnet`() throws {
        var table = RateTable(limits: try limits(["SIGMA_HTTP_TOKEN_FAILURES_PER_SECOND": "1"]))
        let first = try address("2001:db8:0:1::1").subnet
        for _ in 0..<10 { _ = table.take(.tokenFailure, by: first, at: 0) }
        let neighbour = try address("2001:db8:0:1:ffff::9").subnet
        #expect(table.verdict(.tokenFailure, by: neighbour, at: 0) == .refused(retryAfter: 1))
        let other = try address("2001:db8:0:2::1").subnet
        #expect(table.verdict(.tokenFailure, by: other, at: 0) == .allowed)
        #expect(table.verdict(.join, by: first, at: 0) == .allowed)
        let mapped = try address("::ffff:192.0.2.1").subnet
        let plain = try address("192.0.2.1")
        #expect(mapped == plain)
    }

    @Test func `a slow rate says how long to wait`() throws {
        var table = RateTable(limits: try limits(["SIGMA_HTTP_TOKEN_FAILURES_PER_SECOND": "1"]))
        let client = try address("192.0.2.1")
        for _ in 0..<10 { _ = table.take(.tokenFailure, by: client, at: 0) }
        let verdict = table.take(.tokenFailure, by: client, at: Self.second / 2)
        #expect(verdict == .refused(retryAfter: 1))
    }

    @Test func `0 is no limit`() throws {
        var table = RateTable(limits: try limits(["SIGMA_HTTP_REQUESTS_PER_SECOND": "0"]))
        let client = try address("192.0.2.1")
        var refused = 0
        for _ in 0..<10_000 where table.take(.request, by: client, at: 0) != .allowed { refused += 1 }
        #expect(refused == 0)
    }

    @Test func `a full table forgets who waits least, so a crowd does not free an offender`() throws {
        // One set: every address competes with every other.
        var table = RateTable(limits: try limits([:]), capacity: 8)
        let offender = try address("203.0.113.66")
        for _ in 0..<200 { _ = table.take(.join, by: offender, at: 0) }
        for index in 0..<5000 {
            let octets = [10, UInt8(index / 256 % 256), UInt8(index % 256), 1]
            let passer = try #require(IPAddress(octets: octets.map { UInt8($0) }))
            let verdict = table.take(.join, by: passer, at: Int64(index))
            #expect(verdict == .allowed)
        }
        #expect(table.verdict(.join, by: offender, at: 5000) != .allowed)
    }

    @Test func `whatever the addresses, nobody gets more than the rate in the long run`() throws {
        var generator = SplitMix(state: 7)
        var table = RateTable(limits: try limits(["SIGMA_HTTP_JOINS_PER_SECOND": "5"]))
        let clients = try (1...20).map { try address("192.0.2.\($0)") }
        var allowed: [IPAddress: Int] = [:]
        var now: Int64 = 0
        for _ in 0..<100_000 {
            now += Int64(generator.next() % 2_000_000)
            let client = clients[Int(generator.next() % 20)]
            if table.take(.join, by: client, at: now) == .allowed { allowed[client, default: 0] += 1 }
        }
        let most = 5 * 10 + 5 * Int(now / Self.second) + 1
        #expect(allowed.values.allSatisfy { $0 <= most && $0 >= most - 60 })
    }
}

@Suite("ConnectionTable: who gives way")
struct ConnectionTableTests {
    private typealias Table = ConnectionTable<Int, String>

    private func describe(_ admission: Table.Admission) -> String {
        switch admission {
        case .admitted: "admitted"
        case .admittedInsteadOf(let connection): "instead of \(connection)"
        case .refused: "refused"
        }
    }

    @Test func `beyond its limit an address loses an idle connection, or is refused`() throws {
        let client = try #require(IPAddress(parsing: "192.0.2.1"))
        let other = IPAddress(parsing: "192.0.2.2")
        var table = Table(limit: 100, limitPerAddress: 2)
        let answers = [
            table.admit(1, "one", from: client), table.admit(2, "two", from: client),
            table.admit(3, "three", from: client), table.admit(4, "four", from: other),
            table.admit(5, "five", from: nil), table.admit(6, "six", from: nil),
            table.admit(7, "seven", from: nil),
        ]
        #expect(
            answers.map(describe) == [
                "admitted", "admitted", "refused", "admitted", "admitted", "admitted", "admitted",
            ])
        table.setIdle(2, true)
        let instead = table.admit(8, "eight", from: client)
        #expect(describe(instead) == "instead of two")
        // The one that gave way may say so itself later.
        table.remove(2)
        let refused = table.admit(9, "nine", from: client)
        #expect(describe(refused) == "refused")
        table.remove(1)
        let admitted = table.admit(10, "ten", from: client)
        #expect(describe(admitted) == "admitted")
    }

    @Test func `beyond the limit of all, somebody's idle connection gives way`() {
        var table = Table(limit: 2, limitPerAddress: nil)
        _ = table.admit(1, "one", from: nil)
        _ = table.admit(2, "two", from: IPAddress(parsing: "192.0.2.1"))
        let refused = table.admit(3, "three", from: nil)
        #expect(describe(refused) == "refused")
        table.setIdle(2, true)
        let instead = table.admit(3, "three", from: nil)
        #expect(describe(instead) == "instead of two")
        #expect(table.connections.sorted() == ["one", "three"])
    }

    @Test func `requests through proxies count as connections of their client`() throws {
        let client = try #require(IPAddress(parsing: "192.0.2.1"))
        var table = Table(limit: nil, limitPerAddress: 2)
        let begun = (0..<3).map { _ in table.beginRequest(from: client) }
        #expect(begun == [true, true, false])
        let refused = table.admit(1, "one", from: client)
        #expect(describe(refused) == "refused")
        table.endRequest(from: client)
        let again = table.beginRequest(from: client)
        #expect(again)
        table.endRequest(from: client)
        table.endRequest(from: client)
        table.endRequest(from: client)
        #expect(table.addressCount == 0)
    }

    @Test func `whatever comes and goes, nothing is kept of who is gone`() throws {
        var generator = SplitMix(state: 3)
        var table = Table(limit: 30, limitPerAddress: 4)
        let clients = (1...40).map { IPAddress(parsing: "192.0.2.\($0)") } + [nil]
        for step in 0..<20_000 {
            switch generator.next() % 4 {
            case 0, 1: _ = table.admit(step, "", from: clients[Int(generator.next() % 41)])
            case 2: table.setIdle(max(0, step - Int(generator.next() % 60)), generator.next() % 2 == 0)
            default: table.remove(max(0, step - Int(generator.next() % 60)))
            }
            #expect(table.connections.count <= 30)
            #expect(table.addressCount <= 30)
        }
        for step in 0..<20_000 { table.remove(step) }
        #expect(table.isEmpty && table.addressCount == 0)
    }
}
