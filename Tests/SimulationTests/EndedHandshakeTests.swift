import SigmaCore
import SigmaCrypto
import SigmaPeer
import SigmaTestKit
import SigmaWire
import Testing

@Suite("A handshake whose session ends")
struct EndedHandshakeTests {
    /// A ClientHello that a server answers with a whole flight (RFC 6347 §4.2, RFC 5764 §4.1).
    private static let hello = octets(
        """
        16feff0000000000000000005d010000510000000000000051fefd000102030405060708090a0b0c
        0d0e0f101112131415161718191a1b1c1d1e1f00000002c02b01000025000a000400020017000b00
        020100000d000400020403000e00070004000700010000170000
        """)

    private static func octets(_ hex: String) -> [UInt8] {
        let digits = hex.filter(\.isHexDigit).compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// Found by `tools/fuzz engine` on 2026-11-21: the last retransmission was due in the round in which the
    /// session ended, and went out as if there were no limit.
    @Test func `sends no flight after the end, whatever was under way (RFC 9147 §5.1)`() throws {
        let world = VirtualWorld(seed: 1)
        var now: Int64 = 1_000_000_000
        let address = Address(v4: 0xC633_6401, port: 4000)
        let peer = try Peer(PeerConfiguration(role: .publisher, localAddress: address, seed: 7))
        let room = try #require(RoomID(rawValue: 1))
        var (octetsIn, octetsOut, afterEnd) = (0, 0, 0)
        try world.run(at: now) { () throws(any Error) in
            let server = try SimulatedServer(seed: 1)
            func receive(_ octets: [UInt8]) {
                octetsIn += octets.count
                server.receive(octets, from: address, at: now)
                server.run(at: now) { _, bytes in octetsOut += bytes.count }
            }
            let answer = try server.open(SessionID(high: 1, low: 1), room: room, offer: peer.offer, at: now)
            // As many as the flight needs to be within the limit.
            for number in 1...5 as ClosedRange<UInt64> {
                var check = STUNMessageBuilder(.request, transaction: TransactionID(high: 1, low: number))
                check.append(STUN.Attribute.username, Array("\(answer.ufrag):\(peer.offer.ufrag)".utf8))
                check.seal(password: Array(answer.password.utf8))
                receive(check.bytes)
            }
            receive(Self.hello)
            #expect(octetsOut > Self.hello.count && octetsOut <= 3 * octetsIn)

            now += 31_000_000_000
            server.run(at: now) { _, bytes in afterEnd += bytes.count }
            #expect(server.sessions.isEmpty)
        }
        #expect(afterEnd <= 64, "\(afterEnd) octets after the end")
    }
}
