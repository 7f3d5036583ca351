internal import SigmaCore
package import SigmaEngine
package import SigmaWire

/// A promise of the server that a run did not keep.
package enum Violation: Equatable, Sendable {
    /// No check of a peer had come from there.
    case sentToUnauthenticated(Address)
    /// Octets to a peer that had not shown that it gets them, more than three times those from it.
    case amplified(client: Int, received: Int, sent: Int)
    /// Nanoseconds since the last check from there (RFC 7675 §5.1).
    case sentWithoutConsent(Address, kind: DatagramKind, silence: Int64)
    case indexReused(ssrc: UInt32, number: UInt16)
    /// Numbers missing towards a viewer, though none was missing from the publisher.
    case numbersMissing(ssrc: UInt32, gaps: UInt64, first: UInt16)
    /// A packet that the server had sent was asked for again, and not offered.
    case notOfferedAgain(ssrc: UInt32, number: UInt16)
    /// One packet was offered again more than 10 times.
    case offeredTooOften(ssrc: UInt32, number: UInt16)
    /// A viewer was sent another payload under a number that it had a packet of.
    case numberContradicted(client: Int)
    /// A peer whose certificate or SRTP profiles were wrong.
    case impostorAdmitted(client: Int)
    case unbounded(EngineResources, handshakeConnections: Int)
    case notFreed(EngineResources, handshakeConnections: Int)
    case outputDropped(UInt64)

    /// Without its details.
    var name: Substring { "\(self)".prefix { $0 != "(" } }
}

/// Sees every datagram and holds the server to what it promises.
struct Watch {
    /// Kept short: the first ones tell.
    private(set) var violations: [(at: Int64, violation: Violation)] = []
    var audit = IndexAudit()
    var repair = RepairAudit()
    /// When the last genuine check came from an address, on the server's clock.
    private var lastCheck: [Address: Int64] = [:]
    private var numbers: [UInt32: SentNumbers] = [:]

    /// Of each kind: one must not hide another.
    private static let violationLimit = 4

    mutating func add(_ violation: Violation, at now: Int64) {
        let known = violations.count { $0.violation.name == violation.name }
        if known < Self.violationLimit { violations.append((now, violation)) }
    }

    /// A datagram that a peer itself sent reached the server.
    mutating func received(_ bytes: [UInt8], from source: Address, at now: Int64) {
        switch DatagramKind(unsafe bytes.span.bytes) {
        case .stun: lastCheck[source] = now
        case .rtcp:
            repair.received(bytes, at: now) { packet in
                numbers[packet.ssrc]?.isAnswerable(packet.number) ?? false
            }
        case .rtp, .dtls, .unknown: break
        }
    }

    /// A datagram leaves the server.
    ///
    /// - Parameter original: The packet that it repeats in another stream (RFC 4588).
    mutating func sent(
        _ bytes: [UInt8], to address: Address, isAEAD: Bool, repeating original: RepairAudit.Packet? = nil,
        at now: Int64
    ) {
        guard let check = lastCheck[address] else {
            add(.sentToUnauthenticated(address), at: now)
            return
        }
        let kind = DatagramKind(unsafe bytes.span.bytes)
        let silence = now - check
        if silence > ICELiteAgent.consentTimeout.nanoseconds {
            add(.sentWithoutConsent(address, kind: kind, silence: silence), at: now)
        }
        guard kind == .rtp || kind == .rtcp else { return }
        let reused = audit.reused
        let isNew = audit.note(bytes, isAEAD: isAEAD)
        let octets = unsafe bytes.span.bytes
        let (ssrc, number) = (octets.bigEndian(UInt32.self, at: 8), octets.bigEndian(UInt16.self, at: 2))
        if audit.reused > reused { add(.indexReused(ssrc: ssrc, number: number), at: now) }
        guard kind == .rtp else { return }
        if let original {
            noteOffer(original, at: now)
        } else if isNew {
            numbers[ssrc, default: SentNumbers()].note(number)
        } else {
            noteOffer(RepairAudit.Packet(ssrc: ssrc, number: number), at: now)
        }
    }

    private mutating func noteOffer(_ packet: RepairAudit.Packet, at now: Int64) {
        if repair.offered(packet, at: now) {
            add(.offeredTooOften(ssrc: packet.ssrc, number: packet.number), at: now)
        }
    }

    /// What has been sent so far need not be offered again.
    mutating func supersede() {
        for ssrc in numbers.keys { numbers[ssrc]?.supersede() }
    }

    /// Looks whether all was offered again that was asked for.
    mutating func checkRepair(at now: Int64) {
        for (packet, asked) in repair.unanswered(at: now) {
            add(.notOfferedAgain(ssrc: packet.ssrc, number: packet.number), at: asked)
        }
    }

    /// - Parameters:
    ///   - lost: Packets of publishers that the server is known not to have.
    ///   - holes: Runs of numbers that they were at most.
    mutating func checkNumbers(lost: UInt64, inHoles holes: Int, at now: Int64) {
        for (ssrc, seen) in numbers.sorted(by: { $0.key < $1.key }) {
            guard let missing = seen.missing, missing.count > lost || missing.holes > holes else { continue }
            add(.numbersMissing(ssrc: ssrc, gaps: missing.count, first: missing.first), at: now)
        }
    }
}

/// The numbers of one stream, as they left the server.
private struct SentNumbers {
    private var lowest: UInt64 = 0
    private var highest: UInt64 = 0
    private var seen: Set<UInt64> = []

    mutating func note(_ number: UInt16) {
        // One wrap above 0, so that packets before the first have an index too.
        let index =
            seen.isEmpty ? UInt64(number) + 0x1_0000 : SequenceNumber.extend(number, near: highest)
        lowest = seen.isEmpty ? index : min(lowest, index)
        highest = max(highest, index)
        seen.insert(index)
    }

    private var superseded: UInt64 = 0

    /// Whether it left, and has not been superseded since.
    func isAnswerable(_ number: UInt16) -> Bool {
        let index = SequenceNumber.extend(number, near: highest)
        return index > superseded && seen.contains(index)
    }

    mutating func supersede() { superseded = highest }

    /// How many between the lowest and the highest did not leave, the first of them, and in how many runs they lie.
    var missing: (count: UInt64, first: UInt16, holes: Int)? {
        let count = highest - lowest + 1 - UInt64(seen.count)
        guard count > 0 else { return nil }
        // The lowest itself has been seen.
        let firsts = (lowest...highest).filter { !seen.contains($0) && seen.contains($0 - 1) }
        return (count, UInt16(truncatingIfNeeded: firsts.first ?? 0), firsts.count)
    }
}
