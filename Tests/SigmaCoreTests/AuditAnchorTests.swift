import SigmaCore
import Testing

@Suite struct AuditAnchorTests {
    private func head(_ sequence: UInt64, _ octet: UInt8 = 7) throws -> AuditHead {
        try #require(AuditHead(sequence: sequence, hash: Array(repeating: octet, count: 32)))
    }

    @Test func `a chain goes on, and never back`() throws {
        var anchor = AuditAnchor()
        let outcomes = try [
            (head(5), AuditAnchor.Outcome.moved), (head(5), .known), (head(9), .moved), (head(8), .behind),
            (head(9, 8), .contradicted), (head(.max), .moved), (head(0), .behind),
        ]
        for (head, outcome) in outcomes {
            let got = anchor.take(head, isReset: false)
            #expect(got == outcome, "\(head)")
        }
        #expect(try anchor.head == head(.max))
    }

    @Test func `a new database begins a new chain, once it says so`() throws {
        var anchor = AuditAnchor()
        _ = try anchor.take(head(900), isReset: false)
        let reset = try anchor.take(head(1, 3), isReset: true)
        #expect(reset == .moved)
        let again = try anchor.take(head(1, 3), isReset: true)
        #expect(again == .known)
        let next = try anchor.take(head(2), isReset: false)
        #expect(next == .moved)
    }

    @Test func `the log is told at once, then once a minute and only of what is new`() throws {
        var anchor = AuditAnchor()
        let start = Instant(nanoseconds: 5_000_000_000)
        #expect(anchor.lineDue == nil)
        _ = try anchor.take(head(1), isReset: false)
        #expect(anchor.lineDue == .zero)
        let first = anchor.takeLine(at: start)
        #expect(try first == head(1))
        #expect(anchor.lineDue == nil)
        for sequence in 2...50 as ClosedRange<UInt64> { _ = try anchor.take(head(sequence), isReset: false) }
        #expect(anchor.lineDue == start + .seconds(60))
        let early = anchor.takeLine(at: start + .milliseconds(59_999))
        #expect(early == nil)
        let second = anchor.takeLine(at: start + .seconds(60))
        #expect(try second == head(50))
        #expect(anchor.lineDue == nil)
    }

    @Test func `a hash has 32 octets, and its line names it in hexadecimal`() throws {
        #expect(AuditHead(sequence: 1, hash: Array(repeating: 1, count: 31)) == nil)
        #expect(AuditHead(sequence: 1, hash: []) == nil)
        let line = try "\(head(12, 0xA0))"
        #expect(line == "audit head 12 " + String(repeating: "a0", count: 32))
    }
}
