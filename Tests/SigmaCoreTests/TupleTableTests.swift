import SigmaCore
import SigmaWire
import Testing

@Suite("TupleTable")
struct TupleTableTests {
    private func path(_ number: UInt64) -> Path {
        Path(
            local: Address(v4: 0x7F00_0001, port: 5004),
            remote: Address(
                v4: 0xC000_0200 | UInt32(number >> 6), port: UInt16(truncatingIfNeeded: 1000 + number % 64)))
    }

    @Test func `agrees with a dictionary over random insertions and removals`() {
        var generator = Seeded(20261121)
        var table = TupleTable(sessions: 64)
        var model: [Path: UInt32] = [:]
        for _ in 0..<50_000 {
            let path = path(generator.next() % 200)
            let slot = UInt32(generator.next() % 64)
            if generator.next() % 2 == 0, model.count < 256 || model[path] != nil {
                table.insert(path, slot: slot)
                model[path] = slot
            } else {
                table.remove(path, slot: slot)
                if model[path] == slot { model[path] = nil }
            }
            let count = table.count
            #expect(count == model.count)
        }
        for number in 0..<200 as Range<UInt64> {
            let slot = table.slot(for: path(number))
            #expect(slot == model[path(number)])
        }
    }

    @Test func `the interface a datagram came by does not make another path`() {
        var table = TupleTable(sessions: 1)
        var path = path(1)
        path.interfaceIndex = 2
        table.insert(path, slot: 7)
        path.interfaceIndex = 3
        let slot = table.slot(for: path)
        #expect(slot == 7)
    }
}

/// A seeded generator for property tests.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let mixed = (state ^ (state >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        return mixed ^ (mixed >> 33)
    }
}
