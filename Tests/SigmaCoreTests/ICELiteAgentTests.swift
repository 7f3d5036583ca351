import SigmaCore
import SigmaWire
import Testing

@Suite("ICELiteAgent: RFC 8445 §7.3, RFC 7675 §5.1")
struct ICELiteAgentTests {
    private let local = Address(v4: 0x7F00_0001, port: 5004)
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func path(_ port: UInt16) -> Path {
        Path(local: local, remote: Address(v4: 0xC000_0207, port: port))
    }

    private func check(useCandidate: Bool = false, role: AuthenticatedCheck.Role = .controlling)
        -> AuthenticatedCheck
    {
        AuthenticatedCheck(TransactionID(high: 1, low: 2), role: role, useCandidate: useCandidate)
    }

    @Test func `sends media to the first validated path until one is nominated (RFC 8445 §12.1.1)`() {
        var agent = ICELiteAgent()
        #expect(agent.mediaPath == nil)
        let first = agent.handle(check(), on: path(1), at: start)
        #expect(first.isNewPath && first.selected == path(1))
        let second = agent.handle(check(), on: path(2), at: start)
        #expect(second.isNewPath && second.selected == nil)
        #expect(agent.mediaPath == path(1))
        let nominated = agent.handle(check(useCandidate: true), on: path(2), at: start)
        #expect(nominated.selected == path(2))
        #expect(agent.mediaPath == path(2))
    }

    @Test func `follows a peer that nominates again from elsewhere`() {
        var agent = ICELiteAgent()
        _ = agent.handle(check(useCandidate: true), on: path(1), at: start)
        let roamed = agent.handle(check(useCandidate: true), on: path(9), at: start)
        #expect(roamed.selected == path(9))
        #expect(agent.isValidated(path(1)) && agent.isValidated(path(9)))
    }

    @Test func `takes a repeated USE-CANDIDATE as nothing new`() {
        var agent = ICELiteAgent()
        _ = agent.handle(check(useCandidate: true), on: path(1), at: start)
        let again = agent.handle(check(useCandidate: true), on: path(1), at: start)
        #expect(again.reply == .bindingSuccess)
        #expect(!again.isNewPath && again.selected == nil && again.forgotten == nil)
    }

    @Test func `answers a controlled peer with a role conflict and learns nothing (RFC 8445 §7.3.1.1)`() {
        var agent = ICELiteAgent()
        let outcome = agent.handle(check(useCandidate: true, role: .controlled), on: path(1), at: start)
        #expect(outcome.reply == .roleConflict)
        #expect(!outcome.isNewPath && outcome.selected == nil)
        #expect(agent.mediaPath == nil)
    }

    @Test func `keeps four paths and never forgets the one that carries media`() {
        var agent = ICELiteAgent()
        _ = agent.handle(check(useCandidate: true), on: path(1), at: start)
        for port in 2...4 { _ = agent.handle(check(), on: path(UInt16(port)), at: start) }
        let forgotten = [5, 6].map { agent.handle(check(), on: path($0), at: start).forgotten }
        #expect(forgotten == [path(2), path(3)])
        #expect(agent.validatedPaths == [path(1), path(4), path(5), path(6)])
        #expect(agent.mediaPath == path(1))
    }

    @Test(arguments: [
        (14_999 as Int64, ICELiteAgent.Consent.given), (15_000, .doubtful), (29_999, .doubtful),
        (30_000, .expired),
    ])
    func `doubts consent after 15 s and loses it after 30 s without a check (RFC 7675 §5.1)`(
        milliseconds: Int64, expected: ICELiteAgent.Consent
    ) {
        var agent = ICELiteAgent()
        _ = agent.handle(check(), on: path(1), at: start)
        #expect(agent.consent(at: start + .milliseconds(milliseconds)) == expected)
    }

    @Test func `gives six seconds after an alert that cannot be verified, unless a check comes`() {
        var agent = ICELiteAgent()
        _ = agent.handle(check(), on: path(1), at: start)
        agent.shortenConsent(at: start)
        #expect(agent.consent(at: start + .milliseconds(5_999)) == .doubtful)
        #expect(agent.consent(at: start + .seconds(6)) == .expired)
        _ = agent.handle(check(), on: path(1), at: start + .seconds(3))
        #expect(agent.consent(at: start + .seconds(17)) == .given)
    }

    @Test func `a second alert does not bring expired consent back`() {
        var agent = ICELiteAgent()
        _ = agent.handle(check(), on: path(1), at: start)
        agent.shortenConsent(at: start + .seconds(29))
        #expect(agent.consent(at: start + .seconds(30)) == .expired)
    }
}

@Suite("ICECredentials: RFC 8445 §5.3")
struct ICECredentialsTests {
    @Test(arguments: [0, 1, 31, 32, 4095, 1 << 19, (1 << 20) - 1] as [UInt32])
    func `a ufrag says the slot it was made for`(slot: UInt32) {
        let entropy = (0..<ICECredentials.entropyLength).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let credentials = ICECredentials(slot: slot, entropy: entropy)
        let found = ICECredentials.slot(ofUfrag: credentials.ufrag.span.bytes)
        #expect(found == slot)
        #expect(credentials.ufrag.count == 12 && credentials.password.count == 32)
        #expect("\(credentials)" == "ICECredentials(redacted)")
    }

    @Test(arguments: ["", "aaaa", "aaaaaaaaaaaaa", "AAAAaaaaaaaa", "0189aaaaaaaa", "aa:aaaaaaaaa"])
    func `a ufrag that is not of our making names no slot`(ufrag: String) {
        let octets = Array(ufrag.utf8)
        let found = ICECredentials.slot(ofUfrag: octets.span.bytes)
        #expect(found == nil)
    }
}
