/// At most `capacity` octets stored in place, so that a record has no pointers.
package struct FixedOctets<let capacity: Int>: BitwiseCopyable, Sendable {
    package private(set) var count: UInt16 = 0
    private var storage = InlineArray<capacity, UInt8>(repeating: 0)

    package init() {}

    /// `nil` when there are more than `capacity`.
    package init?(_ octets: some Collection<UInt8>) {
        guard octets.count <= capacity else { return nil }
        for octet in octets {
            storage[Int(count)] = octet
            count += 1
        }
    }

    package var octets: [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(Int(count))
        for index in 0..<min(Int(count), capacity) { octets.append(storage[index]) }
        return octets
    }

    package var isEmpty: Bool { count == 0 }

    /// Whether there are no more octets than there is room for: not so of every memory that is read as one.
    var isSound: Bool { Int(count) <= capacity }

    /// Octet `index`; traps past ``count``.
    package subscript(index: Int) -> UInt8 {
        precondition(index < Int(count), "past the octets that are set")
        return storage[index]
    }
}
