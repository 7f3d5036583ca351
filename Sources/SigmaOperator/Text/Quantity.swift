/// Numbers as people read them.
package enum Quantity {
    /// `45s`, `12m30s`, `3h12m`, `2d3h`; below a second `0.4s`.
    ///
    /// - Parameter milliseconds: Below 0 counts as 0: clocks are set back.
    package static func duration(milliseconds: Int64) -> String {
        let milliseconds = max(0, milliseconds)
        let seconds = milliseconds / 1000
        if seconds == 0 { return milliseconds < 100 ? "0s" : "0.\(milliseconds / 100)s" }
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400)
        if minutes == 0 { return "\(seconds)s" }
        if hours == 0 { return pair(minutes, "m", seconds % 60, "s") }
        if days == 0 { return pair(hours, "h", minutes % 60, "m") }
        return pair(days, "d", hours % 24, "h")
    }

    /// `2.0 s`, for what is better not rounded to whole ones.
    package static func seconds(milliseconds: Int64) -> String { "\(tenths(Double(milliseconds) / 1000)) s" }

    /// `512 B`, `1.2 GB`; a kilobyte has 1000 octets.
    package static func octets(_ count: UInt64) -> String {
        guard count >= 1000 else { return "\(count) B" }
        var value = Double(count)
        for unit in ["kB", "MB", "GB", "TB", "PB"] {
            value /= 1000
            if value < 99.95 { return "\(tenths(value)) \(unit)" }
            if value < 999.5 { return "\(Int(value.rounded())) \(unit)" }
        }
        return "\(tenths(value / 1000)) EB"
    }

    static func octets(_ count: Int64) -> String { octets(UInt64(max(0, count))) }

    /// `1 row`, `2 rows`.
    static func count(_ count: some BinaryInteger, _ thing: String) -> String {
        "\(count) \(thing)\(count == 1 ? "" : "s")"
    }

    /// With one digit behind the point.
    static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths) % 10)"
    }

    private static func pair(_ large: Int64, _ unit: String, _ small: Int64, _ smaller: String) -> String {
        small == 0 ? "\(large)\(unit)" : "\(large)\(unit)\(small)\(smaller)"
    }
}
