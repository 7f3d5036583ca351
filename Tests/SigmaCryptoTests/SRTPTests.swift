import SigmaCrypto
import SigmaWire
import Testing

@Suite("SRTPSender, SRTPReceiver: RFC 3711, RFC 7714")
struct SRTPTests {
    static let profiles: [SRTPProfile] = [.aes128CMSHA1_80, .aeadAES128GCM]
    /// Every profile with each library that this machine has for it.
    static let variants: [(SRTPProfile, SRTPBackend)] =
        [(.aes128CMSHA1_80, .openssl), (.aeadAES128GCM, .openssl)]
        + (SRTPBackend.ipsecMB.isAvailable ? [(.aeadAES128GCM, .ipsecMB)] : [])

    @Test(arguments: variants)
    func `any flipped bit of the protected packet is refused`(
        profile: SRTPProfile, backend: SRTPBackend
    ) throws {
        let client = try SRTPEnd(profile, .client, backend: backend)
        let server = try SRTPEnd(profile, .server, backend: backend)
        let plain = RTPFixture.packet(sequenceNumber: 9, payload: 8)
        let sealed = client.seal(plain, index: 9)
        for bit in 0..<(sealed.count * 8) {
            var damaged = sealed
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            var isOpened = false
            do throws(SRTPError) {
                _ = try server.open(damaged, index: 9)
                isOpened = true
            } catch {}
            #expect(!isOpened, "bit \(bit)")
        }
        let opened = try server.open(sealed, index: 9)
        #expect(opened == plain)
    }

    @Test(arguments: profiles)
    func `a packet opens under its own index only`(profile: SRTPProfile) throws {
        let client = try SRTPEnd(profile, .client)
        let server = try SRTPEnd(profile, .server)
        let plain = RTPFixture.packet(sequenceNumber: 7)
        let sealed = client.seal(plain, index: 0x3_0007)
        for index: UInt64 in [7, 0x1_0007, 0x2_0007, 0x4_0007] {
            var error: SRTPError?
            do throws(SRTPError) { _ = try server.open(sealed, index: index) } catch let thrown {
                error = thrown
            }
            #expect(error == .authentication)
        }
        let opened = try server.open(sealed, index: 0x3_0007)
        #expect(opened == plain)
    }

    @Test(arguments: profiles)
    func `any flipped bit of protected RTCP is refused, its index included`(profile: SRTPProfile) throws {
        let client = try SRTPEnd(profile, .client)
        let server = try SRTPEnd(profile, .server)
        let plain = RTPFixture.compound(ssrc: 1)
        let sealed = server.sealRTCP(plain, index: 77)
        #expect(sealed.count == plain.count + profile.rtcpOverhead)
        for bit in 0..<(sealed.count * 8) {
            var damaged = sealed
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            var isOpened = false
            do throws(SRTPError) {
                _ = try client.openRTCP(damaged)
                isOpened = true
            } catch {}
            #expect(!isOpened, "bit \(bit)")
        }
        let opened = try client.openRTCP(sealed)
        #expect(opened == plain)
        let index = client.receiver.rtcpIndex(sealed.span.bytes)
        #expect(index == 77)
    }

    @Test(arguments: profiles)
    func `a packet that is forged is left whole where the profile allows it`(profile: SRTPProfile) throws {
        let server = try SRTPEnd(profile, .server)
        #expect(server.receiver.preservesForged == (profile == .aes128CMSHA1_80))
    }

    @Test(arguments: profiles)
    func `lengths that make no packet are errors, not traps`(profile: SRTPProfile) throws {
        let server = try SRTPEnd(profile, .server)
        for first: UInt8 in [0x80, 0x8F, 0x90, 0x9F, 0xFF] {
            for length in 0..<80 {
                var error: SRTPError?
                let octets = [UInt8](repeating: first, count: length)
                do throws(SRTPError) { _ = try server.open(octets, index: 1) } catch let thrown {
                    error = thrown
                }
                #expect(error != nil)
                error = nil
                do throws(SRTPError) { _ = try server.openRTCP(octets) } catch let thrown { error = thrown }
                #expect(error != nil)
            }
        }
    }

    @Test(arguments: profiles)
    func `a slot without room for the tag stays unused`(profile: SRTPProfile) throws {
        let server = try SRTPEnd(profile, .server)
        var slot = RTPFixture.packet(sequenceNumber: 1, payload: 20)
        let payload = [UInt8](repeating: 1, count: 20)
        var elements = slot.mutableSpan
        var span = elements.mutableBytes
        let length = server.sender.sealRTP(payload.span.bytes, behind: 12, in: &span, ssrc: 1, index: 1)
        #expect(length == 0)
        let compound = server.sender.sealRTCP(&span, length: 32, index: 0)
        #expect(compound == 0)
    }

    /// RFC 3711 appendix B.3: the session keys of a known master key.
    @Test func `derives the keys of RFC 3711 appendix B_3`() {
        let key: [UInt8] = [
            0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B, 0xE0, 0xD6, 0x4F, 0xA3, 0x2C, 0x06, 0xDE, 0x41, 0x39,
        ]
        let salt: [UInt8] = [
            0x0E, 0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE, 0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6,
        ]
        let keys = SRTPSessionKeys(
            SRTPKeys(profile: .aes128CMSHA1_80, material: key + key + salt + salt, role: .server))
        let expected: [UInt8] = [
            0xC6, 0x1E, 0x7A, 0x93, 0x74, 0x4F, 0x39, 0xEE, 0x10, 0x73, 0x4A, 0xFE, 0x3F, 0xF7, 0xA0, 0x87,
        ]
        let expectedSalt: [UInt8] = [
            0x30, 0xCB, 0xBC, 0x08, 0x86, 0x3D, 0x8C, 0x85, 0xD4, 0x9D, 0xB3, 0x4A, 0x9A, 0xE1,
        ]
        let expectedCode: [UInt8] = [
            0xCE, 0xBE, 0x32, 0x1F, 0x6F, 0xF7, 0x71, 0x6B, 0x6F, 0xD4, 0xAB, 0x49, 0xAF, 0x25, 0x6A, 0x15,
            0x6D, 0x38, 0xBA, 0xA4,
        ]
        let derived = keys.localRTP
        for place in expected.indices { #expect(derived.cipherKey[place] == expected[place]) }
        for place in expectedSalt.indices { #expect(derived.salt[place] == expectedSalt[place]) }
        for place in expectedCode.indices { #expect(derived.authenticationKey[place] == expectedCode[place]) }
        #expect("\(keys)".contains("redacted") && "\(derived)".contains("redacted"))
        #expect(keys.octets.count == 200)
    }
}
