/// The peer's only source of chance, so that a run can be repeated: credentials, SSRCs, tie-breaker, the
/// spread of consent checks.
///
/// Keys come from OpenSSL, not from here.
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    /// Text of ice-char (RFC 8839 §5.4).
    mutating func token(_ length: Int) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        return String((0..<length).map { _ in alphabet[Int(next() % 64)] })
    }

    mutating func transaction() -> (high: UInt32, low: UInt64) {
        (UInt32(truncatingIfNeeded: next()), next())
    }
}
