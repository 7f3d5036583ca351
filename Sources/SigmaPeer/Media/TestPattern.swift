internal import SigmaWire

/// What every synthetic packet carries, so that a viewer can tell what it missed and whether audio and
/// video belong together.
///
/// ```
/// |      counter (32)     |  capture time, ns since the source began (64)  | counter, low octet … |
/// ```
struct TestPattern: Equatable {
    static let length = 12

    /// One more with each packet of a stream.
    let counter: UInt32
    let captureTime: Int64

    /// - Parameter count: Octets in all, at least ``length``.
    func octets(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: counter >> UInt32(shift))) }
        let time = UInt64(bitPattern: captureTime)
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: time >> shift))
        }
        let fill = UInt8(truncatingIfNeeded: counter)
        bytes += [UInt8](repeating: fill, count: max(0, count - Self.length))
        return bytes
    }

    init(counter: UInt32, captureTime: Int64) {
        self.counter = counter
        self.captureTime = captureTime
    }

    /// Replaces the time of the pattern at `offset`; does nothing when it would not fit.
    static func stamp(_ payload: inout [UInt8], at offset: Int, with time: Int64) {
        guard offset >= 0, payload.count >= offset + length else { return }
        let bits = UInt64(bitPattern: time)
        for index in 0..<8 {
            payload[offset + 4 + index] = UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * index))
        }
    }

    /// Reads a pattern back; `nil` when any octet of it is not what was sent.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= Self.length else { return nil }
        let read = unsafe bytes.withUnsafeBytes { octets in
            let octets = unsafe RawSpan(_unsafeBytes: octets)
            let counter = octets.bigEndian(UInt32.self, at: 0)
            let fill = UInt64(counter & 0xFF) &* 0x0101_0101_0101_0101
            var rest = Self.length
            // Word by word, then what is left.
            while rest + 8 <= octets.byteCount, octets.bigEndian(UInt64.self, at: rest) == fill { rest += 8 }
            while rest < octets.byteCount, octets.octet(at: rest) == UInt8(truncatingIfNeeded: fill) {
                rest += 1
            }
            return (
                counter: counter, time: octets.bigEndian(Int64.self, at: 4), isWhole: rest == octets.byteCount
            )
        }
        guard read.isWhole else { return nil }
        counter = read.counter
        captureTime = read.time
    }
}
