import SigmaCore
import Testing

@Suite("SessionSlab")
struct SessionSlabTests {
    @Test func `a record fits its slot of 8192 octets`() {
        #expect(MemoryLayout<SessionRecord>.stride <= SessionRecord.length)
        #expect(MemoryLayout<SessionRecord>.alignment <= 16)
        #expect(MemoryLayout<EventRecord>.stride <= 128)
    }

    @Test func `hands out every slot once and refuses when all are taken`() throws {
        withSlab(3) { slab, _ in
            let handles = (0..<3).compactMap { _ in slab.allocate() }
            #expect(Set(handles.map(\.slot)).count == 3)
            let fourth = slab.allocate()
            #expect(fourth == nil)
        }
    }

    @Test func `a handle of an earlier tenant is not current`() throws {
        try withSlab(1) { slab, _ in
            let allocated = slab.allocate()
            let first = try #require(allocated)
            slab.commit(ColdRecord(), slot: Int(first.slot))
            let wasCurrent = slab.isCurrent(first)
            slab.free(first)
            let staysCurrent = slab.isCurrent(first)
            #expect(wasCurrent && !staysCurrent)

            let again = slab.allocate()
            let second = try #require(again)
            slab.commit(ColdRecord(), slot: Int(second.slot))
            #expect(second.slot == first.slot && second.generation != first.generation)
            // An old handle frees nothing of the new tenant.
            slab.free(first)
            let states = (slab.isCurrent(first), slab.isCurrent(second))
            #expect(states == (false, true))
        }
    }

    @Test func `a freed slot keeps nothing of its tenant`() throws {
        try withSlab(1) { slab, _ in
            let allocated = slab.allocate()
            let handle = try #require(allocated)
            var cold = ColdRecord()
            cold.localPassword = try #require(FixedOctets(Array("secret-secret-secret".utf8)))
            slab.commit(cold, slot: Int(handle.slot))
            slab.commit(cold, slot: Int(handle.slot))
            slab.free(handle)
            let left = (0..<2).map { slab[Int(handle.slot)].cold[$0].localPassword.octets }
            #expect(left == [[], []])
        }
    }

    @Test func `a commit leaves the copy before it whole`() throws {
        try withSlab(1) { slab, _ in
            let allocated = slab.allocate()
            let slot = Int(try #require(allocated).slot)
            var cold = ColdRecord()
            for generation in 1...5 as ClosedRange<UInt64> {
                cold.openedAtUnix = generation
                let previous = slab[slot].commit
                slab.commit(cold, slot: slot)
                let current = slab.cold(slot)
                let commit = slab[slot].commit
                let before = slab[slot].cold[Int(previous & 1)].openedAtUnix
                #expect(current.openedAtUnix == generation)
                #expect(commit & 1 != previous & 1)
                #expect(before == generation - 1)
            }
        }
    }
}

/// Runs `body` with a slab of `count` slots in plain memory, and a way to copy that memory.
func withSlab(
    _ count: Int, _ body: (inout SessionSlab, _ octets: () -> [UInt8]) throws -> Void
) rethrows {
    let length = SessionSlab.byteCount(for: count)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: length, alignment: 4096)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: length)
    defer { memory.deallocate() }
    var slab = unsafe SessionSlab(formatting: memory, count: count, journalID: Array(0..<16))
    try body(&slab) { Array(UnsafeRawBufferPointer(start: memory, count: length)) }
}

@Suite("FixedOctets")
struct FixedOctetsTests {
    @Test func `holds up to its capacity and refuses more`() {
        #expect(FixedOctets<4>([1, 2, 3, 4])?.octets == [1, 2, 3, 4])
        #expect(FixedOctets<4>([UInt8]())?.isEmpty == true)
        #expect(FixedOctets<4>([1, 2, 3, 4, 5]) == nil)
    }
}
