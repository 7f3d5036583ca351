import SigmaCrypto
import SigmaWire
import Testing

enum RTPFixture {
    static func packet(sequenceNumber: UInt16, ssrc: UInt32 = 0x1234_5678, payload: Int = 100) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xAB, count: 12 + payload)
        var elements = bytes.mutableSpan
        var span = elements.mutableBytes
        RTPHeader(
            marker: false, payloadType: 96, sequenceNumber: sequenceNumber, timestamp: 1,
            ssrc: SSRC(rawValue: ssrc)
        ).write(to: &span, hasExtension: false)
        return bytes
    }
}

@Suite("SRTPSession: RFC 3711, RFC 7714")
struct SRTPSessionTests {
    static let profiles: [SRTPProfile] = [.aes128CMSHA1_80, .aeadAES128GCM]

    /// The two ends of one association, their keys from the exporter's order (RFC 5764 §4.2).
    struct Pair: ~Copyable {
        var client: SRTPSession
        var server: SRTPSession

        init(_ profile: SRTPProfile) throws {
            let material = (0..<(2 * (profile.keyLength + profile.saltLength))).map { UInt8($0) }
            let client = try SRTPSession(SRTPKeys(profile: profile, material: material, role: .client))
            let server = try SRTPSession(SRTPKeys(profile: profile, material: material, role: .server))
            self.client = client
            self.server = server
        }

        mutating func seal(_ packet: [UInt8]) throws -> [UInt8] {
            var buffer = packet + [UInt8](repeating: 0, count: 32)
            var elements = buffer.mutableSpan
            var span = elements.mutableBytes
            let length = try client.protectRTP(&span, length: packet.count)
            return Array(buffer[0..<length])
        }

        mutating func open(_ packet: [UInt8]) throws(SRTPError) -> [UInt8] {
            var buffer = packet
            var elements = buffer.mutableSpan
            var span = elements.mutableBytes
            let length = try server.unprotectRTP(&span, length: packet.count)
            return Array(buffer[0..<length])
        }
    }

    @Test(arguments: profiles)
    func `what one side seals the other opens, over the rollover`(profile: SRTPProfile) throws {
        var pair = try Pair(profile)
        for index in 65_500..<65_600 {
            let packet = RTPFixture.packet(sequenceNumber: UInt16(truncatingIfNeeded: index))
            let sealed = try pair.seal(packet)
            #expect(sealed.count == packet.count + profile.rtpOverhead)
            #expect(try pair.open(sealed) == packet)
        }
    }

    @Test(arguments: profiles)
    func `a packet is accepted once (RFC 3711 §3.3.2)`(profile: SRTPProfile) throws {
        var pair = try Pair(profile)
        let sealed = try pair.seal(RTPFixture.packet(sequenceNumber: 9))
        _ = try pair.open(sealed)
        var error: SRTPError?
        do throws(SRTPError) { _ = try pair.open(sealed) } catch let thrown { error = thrown }
        #expect(error == .replayed)
    }

    @Test(arguments: profiles)
    func `any flipped bit of the protected part is refused`(profile: SRTPProfile) throws {
        var pair = try Pair(profile)
        let sealed = try pair.seal(RTPFixture.packet(sequenceNumber: 9, payload: 8))
        for bit in 0..<(sealed.count * 8) {
            var damaged = sealed
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            var isOpened = false
            do throws(SRTPError) {
                _ = try pair.open(damaged)
                isOpened = true
            } catch {}
            #expect(!isOpened, "bit \(bit)")
        }
        #expect(try pair.open(sealed).count == 20)
    }

    @Test(arguments: profiles)
    func `RTCP goes both ways`(profile: SRTPProfile) throws {
        var pair = try Pair(profile)
        var buffer = [UInt8](repeating: 0, count: 128)
        var writer = RTCPWriter()
        var elements = buffer.mutableSpan
        var span = elements.mutableBytes
        writer.appendReceiverReport(from: SSRC(rawValue: 1), [], in: &span)
        writer.appendCNAME(Array("name".utf8), for: SSRC(rawValue: 1), in: &span)
        let sealed = try pair.server.protectRTCP(&span, length: writer.length)
        #expect(sealed == writer.length + profile.rtcpOverhead)
        let opened = try pair.client.unprotectRTCP(&span, length: sealed)
        #expect(opened == writer.length)
    }

    @Test(arguments: profiles)
    func `lengths that make no packet are errors, not traps`(profile: SRTPProfile) throws {
        var pair = try Pair(profile)
        for length in 0..<40 {
            var error: SRTPError?
            do throws(SRTPError) {
                _ = try pair.open([UInt8](repeating: 0x80, count: length))
            } catch let thrown {
                error = thrown
            }
            #expect(error != nil)
        }
        var short = RTPFixture.packet(sequenceNumber: 1)
        let count = short.count
        var elements = short.mutableSpan
        var span = elements.mutableBytes
        var error: SRTPError?
        do throws(SRTPError) { _ = try pair.client.protectRTP(&span, length: count) } catch let thrown {
            error = thrown
        }
        #expect(error == .malformed)
    }
}
