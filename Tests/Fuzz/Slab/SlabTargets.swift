import SigmaCore
import SigmaWire

/// The loader of the session slab, which reads what a process that ended badly has left.
let targets: [String: FuzzTarget] = [
    "slab": { loadDamaged($0) }
]

/// What the writer makes: a publisher's session and a viewer's in three slots.
///
/// Edited in place and mended, since a copy costs more than what is fuzzed.
nonisolated(unsafe) private var slab: [UInt8] = {
    let length = SessionSlab.byteCount(for: 3)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: length, alignment: 4096)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: length)
    defer { memory.deallocate() }
    var writer = SessionSlab(formatting: memory, count: 3, journalID: Array(0..<16))
    for role in [Role.publisher, .viewer] { fill(&writer, role) }
    return Array(UnsafeRawBufferPointer(start: memory, count: length))
}()

private let now = Instant(nanoseconds: 1_000_000_000)

private func fill(_ slab: inout SessionSlab, _ role: Role) {
    guard let handle = slab.allocate() else { fatalError("no slot") }
    let slot = Int(handle.slot)
    let credentials = ICECredentials(slot: handle.slot, entropy: Array(0..<40))
    var cold = ColdRecord()
    cold.sessionID = SessionID(high: 1, low: UInt64(role.rawValue))
    cold.roomID = RoomID(rawValue: 1) ?? cold.roomID
    cold.role = role
    cold.localUfrag = FixedOctets(credentials.ufrag) ?? cold.localUfrag
    cold.localPassword = FixedOctets(credentials.password) ?? cold.localPassword
    cold.remoteUfrag = FixedOctets(Array("abcd".utf8)) ?? cold.remoteUfrag
    cold.fingerprintHash = 1
    cold.fingerprint = FixedOctets([UInt8](repeating: 1, count: 32)) ?? cold.fingerprint
    cold.media[0].payloadType = 111
    cold.media[0].ssrc = 5
    cold.mediaCount = 1
    slab.commit(cold, slot: slot)
    cold.state = .connected
    slab.commit(cold, slot: slot)
    let path = Path(local: Address(v4: 1, port: 5004), remote: Address(v4: 2, port: 6))
    _ = slab[slot].agent.handle(
        AuthenticatedCheck(TransactionID(high: 1, low: 2), useCandidate: true), on: path, at: now)
    guard role == .viewer else { return }
    slab[slot].egress[0].ssrc = 5
    slab[slot].egress[0].payloadType = 111
    slab[slot].egress[0].nextIndex = 9
}

/// Edits of a whole slab: `| place, 2 octets | value |`, each at an octet of the header or of a record.
///
/// Bit 0 of the first octet makes the checksums right again, as a hostile writer would, bit 1 cuts the memory.
private func loadDamaged(_ input: UnsafeRawBufferPointer) -> Int {
    guard let flags = input.first else { return 0 }
    let seals = flags & 1 != 0 ? sealRanges.map { ($0.lowerBound, Array(slab[$0])) } : []
    var edited: [(place: Int, octet: UInt8)] = []
    var edits = input.dropFirst()
    while edits.count >= 3 {
        let head = Array(edits.prefix(3))
        edits = edits.dropFirst(3)
        let place = place(Int(head[0]) << 8 | Int(head[1]))
        edited.append((place, slab[place]))
        slab[place] = head[2]
    }
    if flags & 1 != 0 { reseal() }
    let length = flags & 2 != 0 ? min(Int(flags) << 8, slab.count) : slab.count
    let sum = load(slab.span.bytes.extracting(0..<length), listing: flags & 4 != 0)
    for (place, octets) in seals { slab.replaceSubrange(place..<(place + octets.count), with: octets) }
    for edit in edited.reversed() { slab[edit.place] = edit.octet }
    return sum
}

/// Every octet that means something can be named: the first of the header, then those of the records.
private func place(_ number: Int) -> Int {
    let header = 64
    guard number >= header else { return number }
    return SessionSlab.headerLength + (number - header) % (3 * SessionRecord.length)
}

private func load(_ memory: RawSpan, listing: Bool) -> Int {
    guard let view = try? SessionSlabView(memory) else { return 0 }
    var sum = view.journalID.count
    var loaded = 0
    for slot in 0..<view.count {
        guard let session = try? view.session(slot, at: now) else { continue }
        loaded += 1
        sum &+= use(session)
    }
    if listing {
        let found = view.inventory(at: now)
        let faults = found.faults[.duplicate] ?? 0
        expect(found.sessions.count + faults == loaded, "a list that differs from what loads")
        sum &+= found.previousCount
    }
    return sum
}

/// What is done with a session that was taken up.
private func use(_ session: LoadedSession) -> Int {
    let record = session.record
    let cold = record.current
    expect(Role(rawValue: cold.role.rawValue) == cold.role, "a role of no meaning")
    expect(cold.state.rawValue <= 4 && cold.mediaCount <= 8, "a state or a number of m-sections beyond all")
    var sum = cold.localUfrag.octets.count &+ cold.remoteUfrag.octets.count &+ cold.keys.octets.count
    for place in 0..<Int(cold.mediaCount) {
        let line = cold.media[place]
        expect(
            line.clockRate > 0 && line.kind.rawValue <= 2 && line.codec.rawValue <= 2, "a broken m-section")
        sum &+= line.mid.octets.count &+ Int(line.extensionID(.absCaptureTime))
    }
    expect(record.agent.validatedPaths.count <= ICELiteAgent.pathLimit, "more paths than there is room for")
    sum &+= record.agent.consent(at: now) == .given ? 1 : 0
    for place in record.egress.indices { sum &+= record.egress[place].nextIndex < 1 << 49 ? 1 : 0 }
    for place in record.ingress.indices where record.ingress[place].isUsed {
        let time = record.ingress[place].timeline.time(of: 1, clockRate: cold.media[0].clockRate)
        sum &+= Int(truncatingIfNeeded: time.nanoseconds) & 1
    }
    return sum
}

/// The checksums of the header and of both copies of each record.
private let sealRanges: [Range<Int>] =
    [48..<52]
    + (0..<6).map { number in
        let start = SessionSlab.headerLength + number / 2 * SessionRecord.length
        let copy = start + SessionRecord.coldRange(number % 2).lowerBound
        return (copy + ColdRecord.checksumOffset)..<(copy + ColdRecord.checksumOffset + 4)
    }

private func reseal() {
    put(CRC32.checksum(slab.span.bytes.extracting(0..<48)), at: 48)
    for slot in 0..<3 {
        let start = SessionSlab.headerLength + slot * SessionRecord.length
        let commit = slab.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt64.self) }
        let generation = slab.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start + 8, as: UInt32.self) }
        // A free slot stays free.
        guard commit != 0 else { continue }
        let copy = SessionRecord.coldRange(Int(commit & 1))
        let range = (start + copy.lowerBound)..<(start + copy.upperBound)
        let sum = ColdRecord.checksum(
            slab.span.bytes.extracting(range), commit: commit, generation: generation)
        put(sum, at: range.lowerBound + ColdRecord.checksumOffset)
    }
}

private func put(_ value: UInt32, at offset: Int) {
    withUnsafeBytes(of: value) { octets in
        for (index, octet) in octets.enumerated() { slab[offset + index] = octet }
    }
}
