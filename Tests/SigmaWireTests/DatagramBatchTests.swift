import SigmaWire
import Testing

@Suite("DatagramBatch")
struct DatagramBatchTests {
    private static let path = Path(
        local: Address(v4: 0x7F00_0001, port: 1), remote: Address(v4: 0x7F00_0001, port: 2))
    private static let other = Path(
        local: Address(v4: 0x7F00_0001, port: 1), remote: Address(v4: 0x7F00_0001, port: 3))

    private static func held(_ batch: borrowing DatagramBatch) -> [[UInt8]] {
        var held: [[UInt8]] = []
        batch.forEach { _, octets in held.append(octets) }
        return held
    }

    /// The number and segment length of each run.
    private static func runs(_ batch: borrowing DatagramBatch) -> [[Int]] {
        (0..<batch.runCount).map { [batch.run(at: $0).count, batch.run(at: $0).segment] }
    }

    private static func octets(_ length: Int, _ value: UInt8 = 1) -> [UInt8] {
        [UInt8](repeating: value, count: length)
    }

    @Test func `holds datagrams with their paths, in order, until it is emptied`() {
        var batch = DatagramBatch(capacity: 2)
        let first = batch.append([1, 2, 3], on: Self.path)
        let second = batch.append(on: Self.other) { slot in
            slot.store(bigEndian: UInt16(0xABCD), at: 0)
            return 2
        }
        #expect(first && second)
        let isFull = batch.isFull
        #expect(isFull)
        let held = Self.held(batch)
        #expect(held == [[1, 2, 3], [0xAB, 0xCD]])
        let paths = [batch.run(at: 0).path, batch.run(at: 1).path]
        #expect(paths == [Self.path, Self.other])
        batch.removeAll()
        let counts = [batch.count, batch.runCount]
        #expect(counts == [0, 0])
    }

    @Test func `takes nothing when it is full`() {
        var batch = DatagramBatch(capacity: 1)
        let taken = (0..<3).map { batch.append([UInt8($0)], on: Self.path) }
        #expect(taken == [true, false, false])
        let held = Self.held(batch)
        #expect(held == [[0]])
    }

    @Test func `leaves out what is empty or longer than a slot`() {
        var batch = DatagramBatch(capacity: 4)
        batch.append([], on: Self.path)
        batch.append(Self.octets(DatagramBatch.slotLength + 1), on: Self.path)
        let empty = batch.count
        #expect(empty == 0)
        batch.append(Self.octets(DatagramBatch.slotLength), on: Self.path)
        let held = Self.held(batch)
        #expect(held == [Self.octets(DatagramBatch.slotLength)])
    }

    @Test func `equal datagrams of one path are one run, which a shorter one ends`() {
        var batch = DatagramBatch(capacity: 16)
        for value in UInt8(0)..<3 { batch.append(Self.octets(100, value), on: Self.path) }
        batch.append(Self.octets(40, 3), on: Self.path)
        batch.append(Self.octets(40, 4), on: Self.path)
        let runs = Self.runs(batch)
        #expect(runs == [[4, 100], [1, 40]])
        let held = Self.held(batch)
        #expect(held.map(\.count) == [100, 100, 100, 40, 40])
        #expect(held.map { $0[0] } == [0, 1, 2, 3, 4])
    }

    @Test func `a longer datagram, another path or one that would be fragmented begins a run`() {
        var batch = DatagramBatch(capacity: 16)
        batch.append(Self.octets(100), on: Self.path)
        batch.append(Self.octets(101), on: Self.path)
        batch.append(Self.octets(101), on: Self.other)
        batch.append(Self.octets(1453), on: Self.path)
        batch.append(Self.octets(1453), on: Self.path)
        let runs = Self.runs(batch)
        #expect(runs == [[1, 100], [1, 101], [1, 101], [1, 1453], [1, 1453]])
    }

    @Test func `a run has no more than the kernel takes in one message`() {
        var batch = DatagramBatch(capacity: 256)
        for _ in 0..<130 { batch.append(Self.octets(100), on: Self.path) }
        let short = Self.runs(batch)
        #expect(short == [[64, 100], [64, 100], [2, 100]])
        batch.removeAll()
        for _ in 0..<60 { batch.append(Self.octets(1400), on: Self.path) }
        let long = Self.runs(batch)
        #expect(long == [[46, 1400], [14, 1400]])
    }

    @Test func `the pointer leads to the octets of the run`() {
        var batch = DatagramBatch(capacity: 2)
        batch.append([9, 9], on: Self.path)
        batch.append([7], on: Self.other)
        let octet = unsafe batch.pointer(to: batch.run(at: 1))?.load(as: UInt8.self)
        #expect(octet == 7)
    }
}
