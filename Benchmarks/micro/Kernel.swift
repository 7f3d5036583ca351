import SigmaCore
import SigmaWire

/// A piece of the packet path that `tools/bench micro` counts the instructions of.
///
/// Each does the same work in every round, so that twice the rounds are twice the instructions. Ciphers and
/// system calls are left out: what is counted is our own code.
enum Kernel: String, CaseIterable {
    /// First octets and path of an RTP datagram: what it is, and whose.
    case demultiplex
    /// A connectivity check as Chromium sends it, read in full.
    case stunParse = "stun-parse"
    /// The answer to a check: the agent's decision and the message, without its HMAC.
    case stunAnswer = "stun-answer"
    /// A publisher's packet: header, extensions, payload head.
    case rtpParse = "rtp-parse"
    /// Sequence number and jitter of a publisher's packet.
    case reception
    /// A viewer's packet: its own header and MID, the payload copied behind it.
    case rtpRewrite = "rtp-rewrite"
    /// The way of a picture to viewers: from the ring into the batch, ten packets a run.
    case egress

    /// - Returns: Something that depends on every round, so that none is optimised away.
    func run(rounds: Int) -> UInt64 {
        switch self {
        case .demultiplex: Self.demultiplex(rounds)
        case .stunParse: Self.stunParse(rounds)
        case .stunAnswer: Self.stunAnswer(rounds)
        case .rtpParse: Self.rtpParse(rounds)
        case .reception: Self.reception(rounds)
        case .rtpRewrite: Self.rtpRewrite(rounds)
        case .egress: Self.egress(rounds)
        }
    }

    private static func demultiplex(_ rounds: Int) -> UInt64 {
        let packet = Samples.rtpPacket()
        let paths = (0..<1000).map { Samples.path($0) }
        var table = TupleTable(sessions: 1000)
        for (slot, path) in paths.enumerated() { table.insert(path, slot: UInt32(slot)) }
        var sum: UInt64 = 0
        for round in 0..<rounds where DatagramKind(unsafe packet.span.bytes) == .rtp {
            sum &+= UInt64(table.slot(for: paths[round * 7 % paths.count]) ?? 0)
        }
        return sum
    }

    private static func stunParse(_ rounds: Int) -> UInt64 {
        let check = Samples.check()
        var sum: UInt64 = 0
        for _ in 0..<rounds {
            guard let message = try? STUNMessageView(unsafe check.span.bytes) else { return 0 }
            sum &+= message.transaction.low &+ UInt64(message.integrityOffset ?? 0)
        }
        return sum
    }

    private static func stunAnswer(_ rounds: Int) -> UInt64 {
        var agent = ICELiteAgent()
        let path = Samples.path(1)
        var sum: UInt64 = 0
        for round in 0..<rounds {
            let transaction = TransactionID(high: 7, low: UInt64(round))
            let outcome = agent.handle(
                AuthenticatedCheck(transaction, useCandidate: true), on: path,
                at: Instant(nanoseconds: Int64(round)))
            guard outcome.reply == .bindingSuccess else { return 0 }
            var reply = STUNMessageBuilder(.success, transaction: transaction)
            reply.appendXORMappedAddress(path.remote)
            sum &+= UInt64(reply.integrityInput().count)
            reply.appendFingerprint()
            sum &+= UInt64(reply.bytes.count)
        }
        return sum
    }

    private static func rtpParse(_ rounds: Int) -> UInt64 {
        let octets = Samples.rtpPacket()
        var sum: UInt64 = 0
        for _ in 0..<rounds {
            guard let packet = try? RTPPacketView(unsafe octets.span.bytes),
                let payload = try? H264Payload(packet.payload)
            else { return 0 }
            var elements = packet.headerExtensions
            while let element = elements.next(in: packet.bytes) { sum &+= UInt64(element.id) }
            sum &+= UInt64(packet.timestamp) &+ (payload.startsIDR ? 1 : 0)
        }
        return sum
    }

    private static func reception(_ rounds: Int) -> UInt64 {
        var statistics = ReceptionStatistics()
        var sum: UInt64 = 0
        for round in 0..<rounds {
            let isJump = statistics.receive(
                UInt64(round), timestamp: UInt32(truncatingIfNeeded: round / 10 * 3000),
                arrival: Instant(nanoseconds: Int64(round) * 3_333_333), clockRate: 90_000)
            sum &+= statistics.highestIndex &+ (isJump ? 1 : 0)
        }
        return sum &+ UInt64(statistics.jitter)
    }

    private static func rtpRewrite(_ rounds: Int) -> UInt64 {
        let packet = Samples.rtpPacket()
        let template = RTPHeaderTemplate(
            payloadType: 102, ssrc: SSRC(rawValue: 0x5160_0000), midID: 4, mid: [0x31, 0x30])
        var slot = [UInt8](repeating: 0, count: 1536)
        var span = slot.mutableSpan
        var bytes = unsafe span.mutableBytes
        var sum: UInt64 = 0
        for round in 0..<rounds {
            let start = template.write(
                RTPHeaderTemplate.Fields(
                    marker: round & 7 == 0, hasPadding: false,
                    sequenceNumber: UInt16(truncatingIfNeeded: round),
                    timestamp: UInt32(truncatingIfNeeded: round)),
                to: &bytes)
            bytes.copy(unsafe packet.span.bytes.extracting(20..<packet.count), to: start)
            sum &+= UInt64(bytes.bytes.octet(at: 3)) &+ UInt64(start)
        }
        return sum
    }

    private static func egress(_ rounds: Int) -> UInt64 {
        let octets = Samples.rtpPacket()
        var ring = PacketRing(capacity: 16)
        var stored = PacketRing.Packet()
        stored.payloadStart = 20
        stored.payloadLength = UInt16(octets.count - 20)
        for _ in 0..<10 { _ = ring.append(stored, unsafe octets.span.bytes) }
        let window = unsafe ring.window
        let template = RTPHeaderTemplate(
            payloadType: 102, ssrc: SSRC(rawValue: 0x5160_0000), midID: 4, mid: [0x31, 0x30])
        let paths = (0..<25).map { Samples.path($0) }
        var batch = DatagramBatch(capacity: 250)
        for round in 0..<rounds {
            if batch.isFull { batch.removeAll() }
            let serial = UInt64(round % 10)
            let packet = window[serial]
            var bytes = batch.nextSlot
            let start = template.write(
                RTPHeaderTemplate.Fields(
                    marker: packet.marker, hasPadding: packet.padding > 0,
                    sequenceNumber: UInt16(truncatingIfNeeded: round), timestamp: packet.timestamp),
                to: &bytes)
            bytes.copy(window.payload(serial), to: start)
            batch.take(start + Int(packet.payloadLength), on: paths[round / 10 % paths.count])
        }
        return UInt64(batch.runCount)
    }
}
