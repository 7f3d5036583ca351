import SigmaWire
import Testing

@Suite("DatagramBatch")
struct DatagramBatchTests {
    private static let path = Path(
        local: Address(v4: 0x7F00_0001, port: 1), remote: Address(v4: 0x7F00_0001, port: 2))

    @Test func `holds datagrams with their paths, in order, until it is emptied`() {
        var batch = DatagramBatch(capacity: 2)
        let first = batch.append([1, 2, 3], on: Self.path)
        let second = batch.append(on: Self.path) { slot in
            slot.store(bigEndian: UInt16(0xABCD), at: 0)
            return 2
        }
        #expect(first && second)
        let isFull = batch.isFull
        #expect(isFull)
        let held = (0..<batch.count).map { batch.datagram(at: $0) }
        #expect(held == [[1, 2, 3], [0xAB, 0xCD]])
        let (length, path) = (batch.length(at: 1), batch.path(at: 0))
        #expect(length == 2)
        #expect(path == Self.path)
        batch.removeAll()
        let count = batch.count
        #expect(count == 0)
    }

    @Test func `takes nothing when it is full`() {
        var batch = DatagramBatch(capacity: 1)
        let taken = (0..<3).map { batch.append([UInt8($0)], on: Self.path) }
        #expect(taken == [true, false, false])
        let held = batch.datagram(at: 0)
        #expect(held == [0])
    }

    @Test func `leaves out what is empty or longer than a slot`() {
        var batch = DatagramBatch(capacity: 4)
        batch.append([], on: Self.path)
        batch.append([UInt8](repeating: 1, count: DatagramBatch.slotLength + 1), on: Self.path)
        let empty = batch.count
        #expect(empty == 0)
        batch.append([UInt8](repeating: 1, count: DatagramBatch.slotLength), on: Self.path)
        let (count, length) = (batch.count, batch.length(at: 0))
        #expect(count == 1)
        #expect(length == DatagramBatch.slotLength)
    }

    @Test func `the pointer leads to the octets of the datagram`() {
        var batch = DatagramBatch(capacity: 2)
        batch.append([9], on: Self.path)
        batch.append([7], on: Self.path)
        let octet = unsafe batch.pointer(at: 1)?.load(as: UInt8.self)
        #expect(octet == 7)
    }
}
