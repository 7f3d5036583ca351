import SigmaCore
import SigmaTestKit
import SigmaWire
import Testing

@Suite("IngressRecord: RFC 3711 §3.3.1, §3.3.2")
struct IngressRecordTests {
    /// The rule as the RFC words it, by a set of all that was ever seen.
    private struct Model {
        var seen: Set<UInt64> = []
        var highest: UInt64?

        func isNew(_ index: UInt64) -> Bool {
            guard let highest else { return true }
            return !seen.contains(index) && index + 1024 > highest
        }

        mutating func note(_ index: UInt64) {
            seen.insert(index)
            highest = max(highest ?? 0, index)
        }
    }

    @Test(arguments: UInt64(1)...8)
    func `agrees with a list of all indices that were seen`(seed: UInt64) {
        var record = IngressRecord()
        var model = Model()
        var dice = SplitMix64(seed: seed)
        func roll(_ bound: UInt64) -> UInt64 { dice.next() % bound }
        var index: UInt64 = 60_000
        for _ in 0..<50_000 {
            switch roll(20) {
            case 0: index += roll(3000)
            case 1...4: index -= min(index, roll(1100))
            default: index += 1
            }
            #expect(record.isNew(index) == model.isNew(index))
            guard model.isNew(index) else { continue }
            record.note(index)
            model.note(index)
        }
        #expect(record.highestIndex == model.highest)
    }

    @Test func `continues numbers over the wrap, both ways`() {
        var record = IngressRecord()
        #expect(record.index(of: 65_530) == 65_530)
        record.note(65_530)
        #expect(record.index(of: 3) == 0x1_0003)
        record.note(0x1_0003)
        #expect(record.index(of: 65_535) == 65_535)
        #expect(record.isNew(65_535) && !record.isNew(65_530))
    }

    @Test func `hears each RTCP index once within 64`() {
        var record = IngressRecord()
        for index: UInt64 in [0, 1, 5, 70, 4000] {
            #expect(record.isNewRTCP(index))
            record.noteRTCP(index)
            #expect(!record.isNewRTCP(index))
        }
        #expect(record.isNewRTCP(3999) && record.isNewRTCP(3937))
        #expect(!record.isNewRTCP(3936) && !record.isNewRTCP(70))
        record.noteRTCP(3999)
        #expect(!record.isNewRTCP(3999) && record.isNewRTCP(3998))
    }

    @Test func `gives the place of the source that was silent longest, which may not return`() {
        var session = SessionRecord()
        for ssrc in UInt32(0)..<8 {
            let place = session.makeIngress(for: ssrc)
            #expect(place == Int(ssrc))
            session.ingress[Int(ssrc)].lastHeard = Instant(nanoseconds: ssrc == 3 ? 1 : 100 + Int64(ssrc))
        }
        #expect(session.ingressPlace(of: 0) == 0)
        let taken = session.makeIngress(for: 99)
        #expect(taken == 3)
        #expect(session.ingressPlace(of: 3) == nil && session.ingressPlace(of: 99) == 3)
        #expect(session.isRetired(3) && !session.isRetired(99))
    }

    @Test func `has 40 sources for one session`() {
        var session = SessionRecord()
        var granted = 0
        for ssrc in UInt32(1)...100 where session.makeIngress(for: ssrc) != nil { granted += 1 }
        #expect(granted == 40)
    }
}
