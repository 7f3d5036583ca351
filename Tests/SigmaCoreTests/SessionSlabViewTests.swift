import SigmaCore
import SigmaTestKit
import SigmaWire
import Testing

@Suite("SessionSlabView")
struct SessionSlabViewTests {
    private func sample() throws -> [UInt8] {
        var copy: [UInt8] = []
        try withSlab(2) { slab, octets in
            let made = makeSession(&slab, 1)
            _ = try #require(made)
            copy = octets()
        }
        return copy
    }

    @Test func `one octet wrong: never a trap, and damage of the cold part never goes unseen`() throws {
        let whole = try sample()
        let record = recordRange(0)
        // Two commits: copy 0 is current.
        let cold =
            SessionRecord.coldRange(0)
            .lowerBound..<(SessionRecord.coldRange(0).lowerBound
            + ColdRecord.checksumOffset + 4)
        let expected = Verdict.current(SessionID(high: 9, low: 1))
        #expect(try verdict(whole) == expected)
        var faults: Set<RecordFault> = []
        for offset in 0..<SessionRecord.length {
            for flip in [0x01, 0x80, 0xFF] as [UInt8] {
                var octets = whole
                octets[record.lowerBound + offset] ^= flip
                let found = try verdict(octets)
                if case .fault(let fault) = found { faults.insert(fault) }
                if cold.contains(offset) {
                    #expect(found == .previous(SessionID(high: 9, low: 1)), "octet \(offset)")
                } else if offset < 12 {
                    // The commit word and the generation are under the checksum too.
                    #expect(found == .fault(.commitWord) || found == .fault(.checksum), "octet \(offset)")
                }
            }
        }
        #expect(faults.isSuperset(of: [.commitWord, .checksum, .octet, .path, .egress]))
    }

    @Test func `one octet of the header wrong: the slab is refused`() throws {
        let whole = try sample()
        for offset in 0..<52 {
            var octets = whole
            octets[offset] ^= 0x10
            #expect(throws: SlabError.self, "octet \(offset)") { try inventory(octets) }
        }
        var octets = whole
        octets[52] ^= 0xFF
        #expect(try inventory(octets).sessions.count == 1)
    }

    @Test func `memory that is no slab, or not all of one, is refused`() throws {
        let whole = try sample()
        #expect(throws: SlabError.truncated) { try inventory([]) }
        #expect(throws: SlabError.truncated) { try inventory(Array(whole.prefix(4095))) }
        #expect(throws: SlabError.truncated) { try inventory(Array(whole.dropLast())) }
        #expect(throws: SlabError.truncated) { try inventory(whole + [0]) }
        #expect(throws: SlabError.foreign) { try inventory([UInt8](repeating: 0, count: whole.count)) }
        var newer = whole
        newer[8] = 4
        #expect(throws: SlabError.version(4)) { try inventory(newer) }
    }

    @Test(arguments: [(16, 4, SlabError.recordLength), (24, 0, .count), (31, 1, .count), (24, 3, .truncated)])
    func `a sealed header still has to be one of ours`(offset: Int, value: UInt8, error: SlabError) throws {
        var octets = try sample()
        octets[offset] = value
        withUnsafeBytes(of: CRC32.checksum(Array(octets[0..<48]).span.bytes)) {
            octets.replaceSubrange(48..<52, with: $0)
        }
        #expect(throws: error) { try inventory(octets) }
    }

    @Test func `a torn commit falls back to the one before it`() throws {
        try withSlab(1) { slab, octets in
            let made = makeSession(&slab, 1)
            let slot = try #require(made)
            var cold = slab.cold(slot)
            let before = octets()
            cold.isPaused = true
            slab.commit(cold, slot: slot)
            let after = octets()
            let copy = SessionRecord.coldRange(1)
            for length in stride(from: 1, to: copy.count, by: 7) {
                // The word is there, the copy only as far as `length`.
                var torn = after
                let start = recordRange(0).lowerBound + copy.lowerBound
                let part = (start + length)..<(start + copy.count)
                torn.replaceSubrange(part, with: before[part])
                let found = try verdict(torn)
                let isWhole = torn[part] == after[part]
                #expect(isWhole ? found == .current(cold.sessionID) : found == .previous(cold.sessionID))
                // The copy is there as far as `length`, the word still names the one before.
                torn = after
                torn.replaceSubrange(part, with: before[part])
                let word = recordRange(0).lowerBound..<(recordRange(0).lowerBound + 8)
                torn.replaceSubrange(word, with: before[word])
                #expect(try verdict(torn) == .current(cold.sessionID))
            }
        }
    }

    @Test func `without a commit before it a torn one is lost`() throws {
        try withSlab(1) { slab, octets in
            let allocated = slab.allocate()
            let handle = try #require(allocated)
            slab.commit(sampleCold(1, slot: 0), slot: Int(handle.slot))
            var torn = octets()
            torn[recordRange(0).lowerBound + SessionRecord.coldRange(1).lowerBound] ^= 1
            #expect(try verdict(torn) == .fault(.checksum))
        }
    }

    @Test func `a free slot, and one that is not there, hold nothing`() throws {
        let octets = try sample()
        #expect(try verdict(octets, 1) == .free)
        #expect(try verdict(octets, 2) == .free)
        #expect(try verdict(octets, -1) == .free)
    }

    @Test func `one id twice, or two publishers of a room: the first counts`() throws {
        try withSlab(6) { slab, octets in
            let sessions =
                [
                    (1, Role.publisher, 7), (1, .viewer, 7), (2, .publisher, 7), (3, .publisher, 8),
                    (4, .viewer, 7),
                ] as [(UInt64, Role, UInt64)]
            for (id, role, room) in sessions {
                let made = makeSession(&slab, id, role: role, room: room)
                _ = try #require(made)
            }
            let found = try inventory(octets())
            #expect(found.sessions.map(\.slot) == [0, 3, 4])
            #expect(found.faults == [.duplicate: 2])
        }
    }

    @Test func `ten thousand hostile records with right checksums: refused or sound, never a trap`() throws {
        let whole = try sample()
        var random = SplitMix64(seed: 3)
        var sound = 0
        for _ in 0..<10_000 {
            var octets = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let offset = Int.random(in: 12..<MemoryLayout<SessionRecord>.size, using: &random)
                octets[recordRange(0).lowerBound + offset] = UInt8.random(in: 0...255, using: &random)
            }
            reseal(&octets)
            if case .current = try verdict(octets) { sound += 1 }
        }
        #expect(sound > 0 && sound < 10_000)
    }
}
