import SigmaCore
import SigmaCrypto
import SigmaTestKit
import SigmaWire
import Testing

/// A million packets by two implementations that share nothing but the RFCs.
@Suite("SRTP against libsrtp2")
struct SRTPOracleTests {
    private static let packets = 500_000

    private static func library(_ profile: SRTPProfile, as role: DTLSRole) throws -> LibSRTP {
        let material = SRTPEnd.material(profile)
        let key = profile.keyLength
        let salts = material[(2 * key)...]
        let client = Array(material[..<key] + salts.prefix(profile.saltLength))
        let server = Array(material[key..<(2 * key)] + salts.suffix(profile.saltLength))
        return role == .client
            ? try LibSRTP(profile, local: client, remote: server)
            : try LibSRTP(profile, local: server, remote: client)
    }

    private static func packet(_ number: UInt16, _ dice: inout SplitMix64) -> [UInt8] {
        RTPFixture.packet(
            sequenceNumber: number, payload: Int.random(in: 0...300, using: &dice),
            contributing: Int.random(in: 0...8, using: &dice) == 0 ? 3 : 0,
            extensionWords: Bool.random(using: &dice) ? Int.random(in: 0...4, using: &dice) : nil)
    }

    /// Over seven rollovers; every hundredth packet is sent again, as a retransmission is.
    @Test(arguments: SRTPTests.variants)
    func `seals the same octets over rollovers and retransmissions`(
        profile: SRTPProfile, backend: SRTPBackend
    ) throws {
        let ours = try SRTPEnd(profile, .server, backend: backend)
        let theirs = try Self.library(profile, as: .server)
        var dice = SplitMix64(seed: 1)
        var differences = 0
        for step in 0..<UInt64(Self.packets) {
            let index = 30_000 + step
            let packet = Self.packet(UInt16(truncatingIfNeeded: index), &dice)
            let expected = try theirs.protectRTP(packet)
            if ours.seal(packet, index: index) != expected { differences += 1 }
            guard step % 100 == 0 else { continue }
            let again = try theirs.protectRTP(packet)
            if again != expected || ours.seal(packet, index: index) != again { differences += 1 }
        }
        #expect(differences == 0)
    }

    /// Loss, reordering over up to 1200 places, replays: what libsrtp2 takes we take, what it refuses we refuse.
    @Test(arguments: SRTPTests.variants)
    func `opens and refuses the same packets over loss, reordering and replays`(
        profile: SRTPProfile, backend: SRTPBackend
    ) throws {
        let ours = try SRTPEnd(profile, .server, backend: backend)
        let theirs = try Self.library(profile, as: .server)
        let peer = try Self.library(profile, as: .client)
        var window = IngressRecord()
        var dice = SplitMix64(seed: 2)
        var kept: [[UInt8]] = []
        var verdicts = (taken: 0, replayed: 0, different: 0)
        for step in 0..<Self.packets {
            let number = UInt16(truncatingIfNeeded: 20_000 + step)
            kept.append(try peer.protectRTP(Self.packet(number, &dice)))
            if kept.count > 1200 { kept.removeFirst(600) }
            guard Int.random(in: 0..<20, using: &dice) > 0 else { continue }
            let isLate = Int.random(in: 0..<10, using: &dice) == 0
            let sealed = isLate ? kept.randomElement(using: &dice) ?? [] : kept.last ?? []
            let expected = try? theirs.unprotectRTP(sealed)
            let index = window.index(of: sealed.span.bytes.bigEndian(UInt16.self, at: 2))
            var opened: [UInt8]?
            if window.isNew(index) {
                opened = try? ours.open(sealed, index: index)
                if opened != nil { window.note(index) }
            }
            if opened != expected { verdicts.different += 1 }
            if opened == nil { verdicts.replayed += 1 } else { verdicts.taken += 1 }
        }
        #expect(verdicts.different == 0)
        #expect(verdicts.taken > 400_000 && verdicts.replayed > 1000)
    }

    @Test(arguments: SRTPTests.profiles)
    func `seals and opens RTCP as libsrtp2 does`(profile: SRTPProfile) throws {
        let ours = try SRTPEnd(profile, .server)
        let sealer = try Self.library(profile, as: .server)
        let peer = try Self.library(profile, as: .client)
        var window = IngressRecord()
        for index in UInt32(1)...20_000 {
            let packet = RTPFixture.compound(ssrc: 0xFACE)
            let expected = try sealer.protectRTCP(packet)
            let sealed = ours.sealRTCP(packet, index: index)
            #expect(sealed == expected)
            let received = try peer.protectRTCP(packet)
            let carried = ours.receiver.rtcpIndex(received.span.bytes)
            let found = try #require(carried)
            #expect(found == index && window.isNewRTCP(UInt64(found)))
            let opened = try ours.openRTCP(received)
            #expect(opened == packet)
            window.noteRTCP(UInt64(found))
            #expect(!window.isNewRTCP(UInt64(found)))
        }
    }
}
