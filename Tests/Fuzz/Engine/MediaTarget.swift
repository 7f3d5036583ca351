import SigmaCore
import SigmaEngine
import SigmaTestKit
import SigmaWire

@testable import SigmaPeer

/// Plain RTP and RTCP of an authentic but hostile publisher or viewer, encrypted with its own keys.
///
/// A simulation is kept for a run of inputs, since a handshake costs a thousand times an input; what an input
/// finds may need those before it.
final class MediaTarget {
    private var simulation: Simulation?
    private var inputs = 0
    /// Continues the publisher's numbers, so that packets pass the replay window.
    private var number: UInt16 = 0
    private var seed: UInt64 = 0

    private static let inputsPerSimulation = 500

    func run(_ input: UnsafeRawBufferPointer) -> Int {
        let simulation = current()
        var reader = InputReader(input, limit: 16)
        while let step = reader.next() {
            let client = simulation.clients[Int(step.choice & 1)]
            simulation.act(client) { peer, _ in send(step, as: peer) }
            simulation.run(for: 500_000 << Int64(step.choice >> 5))
        }
        expect(simulation.sentToStrangers.isEmpty, "octets out to a stranger")
        expect(simulation.reusedIndices == 0, "one key, SSRC and index over two packets")
        for client in simulation.clients {
            for stream in client.peer.received.values {
                expect(stream.decryptFailures == 0, "a packet that its receiver cannot decrypt")
            }
        }
        return Int(truncatingIfNeeded: simulation.server.counters.datagramsReceived)
    }

    private func current() -> Simulation {
        inputs += 1
        if let simulation, inputs < Self.inputsPerSimulation,
            simulation.clients.allSatisfy({ $0.peer.state == .connected })
        {
            return simulation
        }
        inputs = 0
        seed += 1
        do {
            let fresh = try Simulation(seed: seed)
            for role in [PeerRole.publisher, .viewer] { _ = try fresh.join(role) }
            let isConnected = fresh.run(upTo: 5_000_000_000) {
                fresh.clients.allSatisfy { $0.peer.state == .connected }
            }
            expect(isConnected, "two peers do not connect")
            simulation = fresh
            return fresh
        } catch {
            fatalError("a simulation does not start: \(error)")
        }
    }

    private func send(_ step: InputReader.Step, as peer: Peer) {
        guard let path = peer.mediaPath, let srtp = peer.srtp else { return }
        let plain = dressed(step, as: peer)
        guard plain.count <= 1400 else { return }
        let kind = DatagramKind(plain.span.bytes)
        let bytes =
            switch kind {
            case .rtp where plain.count >= RTP.fixedHeaderLength: srtp.protectRTP(plain)
            case .rtcp where plain.count >= 8: srtp.protectRTCP(plain)
            case .rtp, .rtcp, .stun, .dtls, .unknown: plain
            }
        if let bytes { peer.output.append(Transmission(path: path, bytes: bytes)) }
    }

    /// With the SSRC, payload type and next number of a real stream where `detail` asks for them.
    private func dressed(_ step: InputReader.Step, as peer: Peer) -> [UInt8] {
        var octets = step.octets
        guard octets.count >= RTP.fixedHeaderLength, step.detail & 1 != 0 else { return octets }
        let media = peer.offer.media[Int(step.detail >> 1 & 1)]
        let ssrc = media.ssrc ?? 1
        let isRTCP = (192...223).contains(octets[1])
        if step.detail & 4 != 0 {
            var text: [UInt8] = []
            text.append(bigEndian: ssrc)
            octets.replaceSubrange(isRTCP ? 4..<8 : 8..<12, with: text)
        }
        guard !isRTCP else { return octets }
        if step.detail & 8 != 0 { octets[1] = octets[1] & 0x80 | media.formats[0].payloadType }
        if step.detail & 16 != 0 {
            number &+= 1 &+ UInt16(step.detail >> 5)
            octets.replace(bigEndian: number, at: 2)
        }
        return octets
    }
}
