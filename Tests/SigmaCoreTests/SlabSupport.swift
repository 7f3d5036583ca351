import SigmaCore
import SigmaWire
import Testing

let slabNow = Instant(nanoseconds: 100_000_000_000)

/// What the loader makes of one slot.
enum Verdict: Equatable {
    case free
    case current(SessionID)
    case previous(SessionID)
    case fault(RecordFault)
}

func verdict(_ octets: [UInt8], _ slot: Int = 0) throws(SlabError) -> Verdict {
    let view = try SessionSlabView(octets.span.bytes)
    do throws(RecordFault) {
        guard let session = try view.session(slot, at: slabNow) else { return .free }
        let id = session.record.current.sessionID
        return session.isPrevious ? .previous(id) : .current(id)
    } catch {
        return .fault(error)
    }
}

func inventory(_ octets: [UInt8], at now: Instant = slabNow) throws(SlabError) -> SlabInventory {
    try SessionSlabView(octets.span.bytes).inventory(at: now)
}

/// A cold part as the engine makes it, for the session `id` in `slot`.
func sampleCold(_ id: UInt64, slot: UInt32, role: Role = .viewer, room: UInt64 = 1) -> ColdRecord {
    let credentials = ICECredentials(
        slot: slot, entropy: (0..<UInt8(ICECredentials.entropyLength)).map { $0 &* 7 })
    var cold = ColdRecord()
    cold.sessionID = SessionID(high: 9, low: id)
    cold.roomID = RoomID(rawValue: room) ?? cold.roomID
    cold.role = role
    cold.openedAt = Instant(nanoseconds: 5)
    cold.localUfrag = FixedOctets(credentials.ufrag) ?? cold.localUfrag
    cold.localPassword = FixedOctets(credentials.password) ?? cold.localPassword
    cold.remoteUfrag = FixedOctets(Array("abcd".utf8)) ?? cold.remoteUfrag
    cold.fingerprintHash = 1
    cold.fingerprint = FixedOctets([UInt8](repeating: 1, count: 32)) ?? cold.fingerprint
    cold.media[0].payloadType = 111
    cold.media[0].clockRate = 48_000
    cold.media[0].ssrc = 0x1234
    cold.mediaCount = 1
    return cold
}

/// Takes a slot, commits a session to it twice and gives it traces of a life.
func makeSession(_ slab: inout SessionSlab, _ id: UInt64, role: Role = .viewer, room: UInt64 = 1) -> Int? {
    guard let handle = slab.allocate() else { return nil }
    let slot = Int(handle.slot)
    var cold = sampleCold(id, slot: handle.slot, role: role, room: room)
    slab.commit(cold, slot: slot)
    cold.state = .connected
    slab.commit(cold, slot: slot)
    if role == .viewer {
        slab[slot].egress[0].ssrc = cold.media[0].ssrc
        slab[slot].egress[0].payloadType = cold.media[0].payloadType
        slab[slot].egress[0].nextIndex = 1_000
        slab[slot].egress[0].packets = 900
    }
    let path = Path(local: Address(v4: 1, port: 5004), remote: Address(v4: 2, port: 6))
    _ = slab[slot].agent.handle(
        AuthenticatedCheck(TransactionID(high: 1, low: 2), useCandidate: true), on: path,
        at: Instant(nanoseconds: 10))
    return slot
}

/// The octets of one record.
func recordRange(_ slot: Int) -> Range<Int> {
    let start = SessionSlab.headerLength + slot * SessionRecord.length
    return start..<(start + SessionRecord.length)
}

/// Makes the checksum of the current copy right again, as a hostile writer could.
func reseal(_ octets: inout [UInt8], slot: Int = 0) {
    let record = Array(octets[recordRange(slot)])
    let commit = record.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    let generation = record.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self) }
    let range = SessionRecord.coldRange(Int(commit & 1))
    let sum = ColdRecord.checksum(
        Array(record[range]).span.bytes, commit: commit, generation: generation)
    let place = recordRange(slot).lowerBound + range.lowerBound + ColdRecord.checksumOffset
    withUnsafeBytes(of: sum) { octets.replaceSubrange(place..<(place + 4), with: $0) }
}
