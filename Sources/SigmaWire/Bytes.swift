/// Why a datagram is not what its first octets promised.
///
/// Thrown on network input only, so it is small, has no text and costs no allocation: the event loop
/// counts it by case and drops the datagram.
package enum WireError: Error, Equatable, Sendable {
    /// Fewer octets than the header, or a length field inside it, asks for.
    case truncated(needed: Int, available: Int)
    /// A field holds a value that its specification forbids.
    case malformed(Field)

    package enum Field: Equatable, Sendable {
        case version, padding, headerExtension
        case messageType, length, magicCookie, attribute, fingerprint
        case packetType, reportCount, feedbackFormat
        case nalUnit, parameterSet
    }
}

// The only unsafe loads and stores of the target: bounds-checked, and unaligned by design. Inlinable, since a generic
// function of another module is a call through tables.
extension RawSpan {
    /// - Throws: ``WireError/truncated(needed:available:)`` when fewer than `count` octets are there.
    package func require(_ count: Int) throws(WireError) {
        guard byteCount >= count else { throw .truncated(needed: count, available: byteCount) }
    }

    /// Traps outside the span: call ``require(_:)`` first.
    @inlinable package func octet(at offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// Reads a network-order integer; traps outside the span: call ``require(_:)`` first.
    @inlinable package func bigEndian<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, at offset: Int) -> T
    {
        T(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: T.self))
    }

    /// Reads the low 24 bits of a network-order field.
    @inlinable package func bigEndian24(at offset: Int) -> UInt32 {
        UInt32(octet(at: offset)) << 16 | UInt32(bigEndian(UInt16.self, at: offset + 1))
    }

    /// The octets of `range` as an array, for the control path.
    package func array(_ range: Range<Int>) -> [UInt8] {
        let part = extracting(range)
        return unsafe part.withUnsafeBytes { unsafe Array($0) }
    }
}

extension MutableRawSpan {
    /// Writes a network-order integer; traps outside the span.
    @inlinable @_lifetime(self: copy self)
    package mutating func store<T: FixedWidthInteger & BitwiseCopyable>(bigEndian value: T, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self)
    }

    /// Writes the low 24 bits in network order.
    @inlinable @_lifetime(self: copy self)
    package mutating func store(bigEndian24 value: UInt32, at offset: Int) {
        store(bigEndian: UInt8(truncatingIfNeeded: value >> 16), at: offset)
        store(bigEndian: UInt16(truncatingIfNeeded: value), at: offset + 1)
    }

    /// Copies `source` to `offset`; traps when it does not fit.
    @inlinable @_lifetime(self: copy self)
    package mutating func copy(_ source: RawSpan, to offset: Int) {
        precondition(offset >= 0 && source.byteCount <= byteCount - offset, "copy runs past the span")
        guard source.byteCount > 0 else { return }
        unsafe withUnsafeMutableBytes { target in
            unsafe source.withUnsafeBytes { bytes in
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<(offset + bytes.count)])
                    .copyMemory(from: bytes)
            }
        }
    }
}

extension [UInt8] {
    package mutating func append<T: FixedWidthInteger>(bigEndian value: T) {
        unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
    }

    package mutating func replace(bigEndian value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
}
