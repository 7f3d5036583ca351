import Foundation
import SigmaControl
import SigmaSDP
import SigmaSettings
import SigmaSignal
import Testing

@Suite("Candidates of an answer: RFC 8839 §5.1")
struct LocalSideTests {
    private func address(_ text: String, _ port: UInt32 = 0) -> UDPAddress {
        message {
            $0.address = Data(IPAddress(parsing: text)?.shortestOctets ?? [])
            $0.port = port
        }
    }

    private func candidates(
        local: String?, proxy: Bool = false, advertised: [UDPAddress] = [], interfaces: [UDPAddress] = []
    ) -> [String] {
        let hello: MediaHello = message {
            $0.udpPort = 5004
            $0.advertised = advertised
            $0.interfaces = interfaces
        }
        let client = ClientConnection(
            localAddress: local.flatMap { IPAddress(parsing: $0) }, isThroughProxy: proxy)
        return LocalSide.candidates(hello: hello, client: client).map { "\($0.address) \($0.port)" }
    }

    @Test func `what is advertised wins`() {
        let advertised = [address("203.0.113.1"), address("2001:db8::1", 7000), address("203.0.113.1", 5004)]
        #expect(
            candidates(local: "10.0.0.1", advertised: advertised, interfaces: [address("10.0.0.1")])
                == ["203.0.113.1 5004", "2001:db8::1 7000"])
    }

    @Test func `else the address that the client connected to`() {
        #expect(candidates(local: "10.0.0.1", interfaces: [address("10.0.0.2")]) == ["10.0.0.1 5004"])
        #expect(candidates(local: "2001:db8::9") == ["2001:db8::9 5004"])
        #expect(candidates(local: "::ffff:10.0.0.1") == ["10.0.0.1 5004"])
    }

    @Test func `with loopback also the interfaces, since Firefox and libnice never check it`() {
        #expect(
            candidates(local: "127.0.0.1", interfaces: [address("10.0.0.2", 5004)])
                == ["127.0.0.1 5004", "10.0.0.2 5004"])
    }

    @Test func `behind a trusted proxy, or without a usable address, the interfaces`() {
        #expect(
            candidates(local: "172.17.0.2", proxy: true, interfaces: [address("10.0.0.2")]) == [
                "10.0.0.2 5004"
            ])
        #expect(candidates(local: nil, interfaces: [address("10.0.0.2")]) == ["10.0.0.2 5004"])
        // Without its zone the address means nothing to the client.
        #expect(candidates(local: "fe80::1", interfaces: [address("10.0.0.2")]) == ["10.0.0.2 5004"])
    }

    @Test func `none is a clear error`() {
        let client = ClientConnection(localAddress: nil, isThroughProxy: false)
        let room = RoomID.random()
        do {
            _ = try LocalSide(hello: MediaHello(), client: client, room: room)
            Issue.record("made")
        } catch {
            #expect(error.status == 500)
            #expect(error.type == "urn:sigma:problem:no-candidate-address")
            #expect(error.detail.contains("SIGMA_ADVERTISE"))
        }
    }
}
