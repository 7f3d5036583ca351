/// A 16-bit sequence number continued over its wraps: wrap count times 2¹⁶ plus the number.
package enum SequenceNumber {
    /// The index closest to `highest` whose low 16 bits are `number`.
    ///
    /// - Parameter highest: The highest index seen so far.
    /// - Returns: The index; never below 0: before the first wrap a number "behind" 0 is taken as ahead.
    /// - SeeAlso: RFC 3711 §3.3.1 and appendix A
    package static func extend(_ number: UInt16, near highest: UInt64) -> UInt64 {
        let delta = Int16(bitPattern: number &- UInt16(truncatingIfNeeded: highest))
        if delta >= 0 { return highest &+ UInt64(delta) }
        let back = UInt64(delta.magnitude)
        return back <= highest ? highest - back : highest &+ (0x1_0000 - back)
    }
}
