import SigmaCore
import SigmaWire
import Testing

@Suite("SessionSlabView: ranges")
struct RecordFaultTests {

    /// A changed cold part that was committed as it should be.
    private func verdictOf(_ role: Role = .viewer, _ damage: (inout ColdRecord) -> Void) throws -> Verdict {
        var found = Verdict.free
        try withSlab(1) { slab, octets in
            let made = makeSession(&slab, 1, role: role)
            let slot = try #require(made)
            var cold = slab.cold(slot)
            damage(&cold)
            slab.commit(cold, slot: slot)
            found = try verdict(octets())
        }
        return found
    }

    private func verdictOfHot(_ role: Role = .viewer, _ damage: (inout SessionRecord) -> Void) throws
        -> Verdict
    {
        var found = Verdict.free
        try withSlab(1) { slab, octets in
            let made = makeSession(&slab, 1, role: role)
            let slot = try #require(made)
            damage(&slab[slot])
            found = try verdict(octets())
        }
        return found
    }

    private func octets<let capacity: Int>(_ count: Int) -> FixedOctets<capacity> {
        FixedOctets([UInt8](repeating: 1, count: count)) ?? FixedOctets()
    }

    @Test func `a sound record is no fault, a publisher's neither`() throws {
        #expect(try verdictOf { _ in } == .current(SessionID(high: 9, low: 1)))
        #expect(try verdictOf(.publisher) { _ in } == .current(SessionID(high: 9, low: 1)))
    }

    @Test func `moments lie in the past`() throws {
        #expect(try verdictOf { $0.openedAt = Instant(nanoseconds: -1) } == .fault(.time))
        #expect(try verdictOf { $0.openedAt = slabNow + .seconds(1) } == .fault(.time))
        let path = Path(local: .unspecified, remote: Address(v4: 7, port: 7))
        let check = AuthenticatedCheck(TransactionID(high: 1, low: 2), useCandidate: true)
        for (port, time) in [(7, 101), (0, 50), (7, -40)] as [(UInt16, Int64)] {
            let found = try verdictOfHot { record in
                record.agent = ICELiteAgent()
                let from = Path(local: path.local, remote: Address(v4: 7, port: port))
                _ = record.agent.handle(check, on: from, at: Instant(nanoseconds: time * 1_000_000_000))
            }
            #expect(found == .fault(.path))
        }
    }

    @Test func `credentials are as we make them, the peer's as ICE allows (RFC 8839 §5.4)`() throws {
        let foreign = ICECredentials(slot: 7, entropy: [UInt8](repeating: 0, count: 40))
        let damages: [(inout ColdRecord) -> Void] = [
            { $0.localUfrag = octets(12) }, { $0.localUfrag = FixedOctets() },
            { $0.localUfrag = FixedOctets(foreign.ufrag) ?? $0.localUfrag },
            { $0.localPassword = octets(31) }, { $0.remoteUfrag = octets(3) },
            { $0.previousPassword = octets(32) },
            { $0.previousUfrag = $0.localUfrag },
            {
                $0.previousUfrag = FixedOctets(foreign.ufrag) ?? $0.localUfrag
                $0.previousPassword = octets(32)
            },
        ]
        for damage in damages { #expect(try verdictOf(.viewer, damage) == .fault(.credentials)) }
        let restarting = try verdictOf {
            $0.previousUfrag = $0.localUfrag
            $0.previousPassword = $0.localPassword
        }
        #expect(restarting == .current(SessionID(high: 9, low: 1)))
    }

    @Test func `a fingerprint has the length of its hash`() throws {
        #expect(try verdictOf { $0.fingerprintHash = 0 } == .fault(.fingerprint))
        #expect(try verdictOf { $0.fingerprintHash = 4 } == .fault(.fingerprint))
        #expect(try verdictOf { $0.fingerprintHash = 2 } == .fault(.fingerprint))
        let longest = try verdictOf {
            $0.fingerprintHash = 3
            $0.fingerprint = octets(64)
        }
        #expect(longest == .current(SessionID(high: 9, low: 1)))
    }

    @Test func `SRTP profiles are those we answer, and come with keys`() throws {
        for profile in [1, 7] as [UInt16] {
            let found = try verdictOf {
                $0.srtpProfile = profile
                $0.keys = octets(200)
            }
            #expect(found == .current(SessionID(high: 9, low: 1)))
            #expect(try verdictOf { $0.srtpProfile = profile } == .fault(.keys))
        }
        let unknown = try verdictOf {
            $0.srtpProfile = 2
            $0.keys = octets(200)
        }
        #expect(unknown == .fault(.keys))
        #expect(try verdictOf { $0.keys = octets(200) } == .fault(.keys))
    }

    @Test func `media is as a command could have asked for it`() throws {
        let damages: [(inout ColdRecord) -> Void] = [
            { $0.mediaCount = 0 }, { $0.mediaCount = 5 }, { $0.media[0].payloadType = 0 },
            { $0.media[0].payloadType = 64 }, { $0.media[0].payloadType = 95 },
            { $0.media[0].payloadType = 128 }, { $0.media[0].rtxPayloadType = 128 },
            { $0.media[0].clockRate = 7_999 }, { $0.media[0].clockRate = 192_001 },
            { $0.media[0].extensionIDs[3] = 15 },
            { $0.media[0].feedback = MediaLineRecord.Feedback(rawValue: 64) }, { $0.media[0].ssrc = 0 },
            {
                $0.media[1] = $0.media[0]
                $0.mediaCount = 2
            },
        ]
        for damage in damages { #expect(try verdictOf(.viewer, damage) == .fault(.media)) }
        #expect(try verdictOf(.publisher) { $0.media[0].ssrc = 0 } == .current(SessionID(high: 9, low: 1)))
    }

    @Test func `outgoing indices only grow, and each packet had its own`() throws {
        let damages: [(inout SessionRecord) -> Void] = [
            { $0.egress[0].ssrc = 1 }, { $0.egress[0].payloadType = 5 }, { $0.egress[0].nextIndex = 0 },
            { $0.egress[0].nextIndex = (1 << 48) + 1 }, { $0.egress[0].packets = 1_000 },
            { $0.egress[1].ssrc = 5 }, { $0.egress[3].nextIndex = 5 }, { $0.nextSRTCPIndex = (1 << 31) + 1 },
            { $0.nextTransportCCNumber = 1 << 48 }, { $0.egress[0].changes[0].firstIndex = 1_000 },
            {
                $0.egress[0].newestChange = 2
                $0.egress[0].changes[1].firstIndex = 9
                $0.egress[0].changes[2].firstIndex = 9
            },
        ]
        for damage in damages { #expect(try verdictOfHot(.viewer, damage) == .fault(.egress)) }
        #expect(try verdictOfHot(.publisher) { $0.egress[0].ssrc = 5 } == .fault(.egress))
        let grown = try verdictOfHot {
            $0.egress[0].newestChange = 40
            for place in 0..<16 as Range<UInt64> {
                // Places 9 to 15 are the older ones.
                $0.egress[0].changes[Int(place)].firstIndex = (place + 7) % 16 * 10 + 1
            }
        }
        #expect(grown == .current(SessionID(high: 9, low: 1)))
    }

    @Test func `incoming sources are there once, belong to a line and have seen their highest index`() throws
    {
        func found(_ damage: (inout SessionRecord) -> Void) throws -> Verdict {
            try verdictOfHot { record in
                for ssrc in 5...6 as ClosedRange<UInt32> {
                    guard let place = record.makeIngress(for: ssrc) else { continue }
                    record.ingress[place].note(70_000)
                    record.ingress[place].noteRTCP(7)
                }
                damage(&record)
            }
        }
        #expect(try found { _ in } == .current(SessionID(high: 9, low: 1)))
        let damages: [(inout SessionRecord) -> Void] = [
            { $0.ingress[1].mediaLine = 1 }, { $0.ingress[1].highestIndex = 1 << 48 },
            { $0.ingress[1].srtcpIndex = 1 << 31 }, { $0.ingress[1].highestIndex += 1 },
            { $0.ingress[1].srtcpWindow = 2 }, { $0.ingress[1].lastHeard = slabNow + .seconds(1) },
            { $0.ingress[1].ssrc = 5 }, { $0.retiredCount = 33 },
            {
                $0.retired[0] = 6
                $0.retiredCount = 1
            },
        ]
        for damage in damages { #expect(try found(damage) == .fault(.ingress)) }
    }

    @Test func `a round trip is neither negative nor a day`() throws {
        #expect(try verdictOfHot { $0.counters.roundTripTime = -1 } == .fault(.counters))
        #expect(try verdictOfHot { $0.counters.roundTripTime = .max } == .fault(.counters))
    }

    @Test func `no enumeration or flag of a record is without its rule`() {
        func loose(_ record: Any) -> Int {
            Mirror(reflecting: record).children.count { child in
                child.value is Bool || Mirror(reflecting: child.value).displayStyle == .enum
            }
        }
        #expect(loose(SessionRecord()) == 0)
        // Beside those of its 8 m-sections.
        #expect(loose(ColdRecord()) == ColdRecord.octetRules.count - 8 * MediaLineRecord.octetRules.count)
        #expect(loose(MediaLineRecord()) == MediaLineRecord.octetRules.count)
        #expect(
            loose(ICELiteAgent()) + 8 * loose(IngressRecord()) + 8 * loose(MediaTimeline())
                == SessionRecord.hotRules.count)
        #expect(loose(EgressRecord()) + loose(EgressRecord.ChangePoint()) + loose(SessionCounters()) == 0)
    }

    @Test func `the cases of an enumeration are numbered from 0 in memory, as the rules take it`() {
        func octets<Value: CaseIterable>(_: Value.Type) -> [UInt8] {
            Value.allCases.map { value in withUnsafeBytes(of: value) { $0[0] } }
        }
        #expect(
            octets(Role.self) == [0, 1] && octets(MediaKind.self) == [0, 1] && octets(Codec.self) == [0, 1])
        #expect(octets(SessionState.self) == [0, 1, 2, 3])
    }
}
