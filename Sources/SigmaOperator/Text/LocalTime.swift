import SigmaSystem

/// Times as the operator's clock on the wall shows them.
package struct LocalTime {
    /// How far ahead of UTC it is, seconds, at a time in seconds since 1970.
    private let offset: (Int64) -> Int64

    package init(offset: @escaping (Int64) -> Int64) { self.offset = offset }

    /// As `TZ` and /etc/localtime have it.
    package static var system: LocalTime { LocalTime { SystemClock.zoneOffset(at: $0) } }

    /// Unix ms of the last moment of the year 9999, and as far back: what is shown lies between.
    private static let limit: Int64 = 253_402_300_799_999

    /// `2026-11-21 15:30:00`.
    package func text(_ time: Int64) -> String {
        let seconds = Self.seconds(time)
        return Self.civil(seconds + offset(seconds), separator: " ")
    }

    /// `2026-11-21T14:30:00.123Z` (RFC 3339), whatever the zone.
    package static func utc(_ time: Int64) -> String {
        let time = min(max(time, -limit), limit)
        let rest = time - seconds(time) * 1000
        return civil(seconds(time), separator: "T") + ".\(padded(rest, 3))Z"
    }

    /// A moment, Unix ms: `2026-11-21`, `2026-11-21 15:30[:00]` with a blank or a `T`, local unless `Z` or an offset
    /// such as `+01:00` follows; or how long ago, `90s`, `30m`, `2h`, `7d`.
    package func parse(_ text: String, now: Int64) -> Int64? {
        if let unit = text.last, let factor = Self.units[unit], let count = Int64(text.dropLast()), count >= 0
        {
            let (ago, overflow) = count.multipliedReportingOverflow(by: factor)
            return overflow ? nil : now.subtractingReportingOverflow(ago).partialValue
        }
        var rest = text[...]
        guard let date = Self.date(&rest) else { return nil }
        var time: Int64 = 0
        if let separator = rest.first, separator == " " || separator == "T" {
            rest = rest.dropFirst()
            guard let clock = Self.clock(&rest) else { return nil }
            time = clock
            if let zone = Self.zone(&rest) {
                return rest.isEmpty ? (date + time - zone) * 1000 : nil
            }
        }
        guard rest.isEmpty else { return nil }
        let wall = date + time
        return (wall - offset(wall - offset(wall))) * 1000
    }

    private static let units: [Character: Int64] = [
        "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
    ]

    // MARK: Calendar

    /// Whole seconds, rounded down.
    private static func seconds(_ time: Int64) -> Int64 {
        let time = min(max(time, -limit), limit)
        return (time - ((time % 1000) + 1000) % 1000) / 1000
    }

    private static func civil(_ seconds: Int64, separator: String) -> String {
        let inDay = ((seconds % 86_400) + 86_400) % 86_400
        let (year, month, day) = date(ofDay: (seconds - inDay) / 86_400)
        let clock = [inDay / 3600, inDay / 60 % 60, inDay % 60].map { padded($0, 2) }.joined(separator: ":")
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))\(separator)\(clock)"
    }

    /// The proleptic Gregorian date, counted in eras of 400 years that begin on 1 March.
    private static func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let index = (5 * dayOfYear + 2) / 153
        let month = index < 10 ? index + 3 : index - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * index + 2) / 5 + 1
        )
    }

    private static func day(ofYear year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(abs(number))
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    // MARK: Parts

    /// Seconds since 1970 of its midnight.
    private static func date(_ text: inout Substring) -> Int64? {
        guard let year = digits(4, &text), take("-", &text), let month = digits(2, &text), take("-", &text),
            let day = digits(2, &text), year > 0, (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let number = Self.day(ofYear: year, month: month, day: day)
        // 31 April would be 1 May.
        return date(ofDay: number) == (year, month, day) ? number * 86_400 : nil
    }

    private static func clock(_ text: inout Substring) -> Int64? {
        guard let hour = digits(2, &text), take(":", &text), let minute = digits(2, &text), hour < 24,
            minute < 60
        else { return nil }
        guard take(":", &text) else { return hour * 3600 + minute * 60 }
        guard let second = digits(2, &text), second < 61 else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    /// Seconds ahead of UTC.
    private static func zone(_ text: inout Substring) -> Int64? {
        if take("Z", &text) { return 0 }
        let rest = text
        let sign: Int64 = take("-", &text) ? -1 : 1
        guard sign < 0 || take("+", &text), let hour = digits(2, &text), take(":", &text),
            let minute = digits(2, &text)
        else {
            text = rest
            return nil
        }
        return sign * (hour * 3600 + minute * 60)
    }

    private static func digits(_ count: Int, _ text: inout Substring) -> Int64? {
        let digits = text.prefix(count)
        guard digits.utf8.count == count, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        text = text.dropFirst(count)
        return Int64(digits)
    }

    private static func take(_ character: Character, _ text: inout Substring) -> Bool {
        guard text.first == character else { return false }
        text = text.dropFirst()
        return true
    }
}
