package import SigmaImpairment

/// What is to be different from now on, in one direction.
package enum Change: Equatable, Sendable {
    case loss(Double)
    case burst(LinkConditions.Burst?)
    case delay(Int64)
    case jitter(Int64)
    case reorder(LinkConditions.Reorder?)
    case duplicate(Double)
    case rate(LinkConditions.Bottleneck?)
    case blackout(Int64)
    case clear
}

/// One line of an operator.
package enum Order: Equatable, Sendable {
    case change(Change, [Direction])
    /// Asks for the counts so far.
    case counts

    /// What is wrong with a line, in words.
    package struct Mistake: Error, Equatable, Sendable {
        package let line: String
    }

    /// Parses `loss 5%`, `down delay 25ms`, `reorder 20% 5ms 20ms`; ``NetsimOptions/usage`` has all.
    package init(parsing text: some StringProtocol) throws(Mistake) {
        var words = String(text).split { $0.isWhitespace }.map { String($0) }[...]
        let directions: [Direction]
        switch words.first {
        case "up": directions = [.up]
        case "down": directions = [.down]
        default: directions = Direction.allCases
        }
        if ["up", "down", "both"].contains(words.first) { words.removeFirst() }
        guard let name = words.popFirst() else { throw Mistake(line: "there is no word of what to do") }
        if name == "counts", words.isEmpty {
            self = .counts
            return
        }
        guard let change = Change(name, Array(words)) else {
            throw Mistake(line: "\"\(name)\" is not understood; say one of: \(Self.forms)")
        }
        self = .change(change, directions)
    }

    private static let forms = Form.allCases.map(\.rawValue).joined(separator: ", ")
}

/// How each change is written.
private enum Form: String, CaseIterable {
    case loss = "loss 5%"
    case burst = "burst 1% 25%"
    case delay = "delay 25ms"
    case jitter = "jitter 10ms"
    case reorder = "reorder 20% 5ms 20ms"
    case duplicate = "duplicate 1%"
    case rate = "rate 2M 64k"
    case blackout = "blackout 2s"
    case clear
    case counts
}

extension Change {
    /// `nil` when the words say nothing that is known.
    init?(_ name: String, _ values: [String]) {
        let change: Change?
        switch (name, values.count, values.first) {
        case ("clear", 0, _): change = .clear
        case ("burst", 1, "off"): change = .burst(nil)
        case ("reorder", 1, "off"): change = .reorder(nil)
        case ("rate", 1, "off"): change = .rate(nil)
        case ("loss", 1, let text?): change = Quantity.share(text).map { .loss($0) }
        case ("duplicate", 1, let text?): change = Quantity.share(text).map { .duplicate($0) }
        case ("delay", 1, let text?): change = Quantity.time(text).map { .delay($0) }
        case ("jitter", 1, let text?): change = Quantity.time(text).map { .jitter($0) }
        case ("blackout", 1, let text?): change = Quantity.time(text).map { .blackout($0) }
        default: change = Self.compound(name, values)
        }
        guard let change else { return nil }
        self = change
    }

    private static func compound(_ name: String, _ values: [String]) -> Change? {
        switch (name, values.count) {
        case ("burst", 2):
            guard let start = Quantity.share(values[0]), let end = Quantity.share(values[1]), end > 0 else {
                return nil
            }
            return .burst(.init(start: start, end: end))
        case ("reorder", 3):
            guard let share = Quantity.share(values[0]), let least = Quantity.time(values[1]),
                let most = Quantity.time(values[2]), least <= most
            else { return nil }
            return .reorder(.init(share: share, hold: least...most))
        case ("rate", 2):
            guard let rate = Quantity.count(values[0]), rate > 0, let queue = Quantity.count(values[1]) else {
                return nil
            }
            return .rate(.init(rate: rate, queue: queue))
        default: return nil
        }
    }
}

/// Numbers with a unit, as people write them.
enum Quantity {
    /// `0.05` or `5%`, 0 to 1.
    static func share(_ text: String) -> Double? {
        let isPercent = text.hasSuffix("%")
        guard let number = Double(isPercent ? String(text.dropLast()) : text) else { return nil }
        let share = isPercent ? number / 100 : number
        return (0...1).contains(share) ? share : nil
    }

    /// `2s`, `25ms` or `500us`, in nanoseconds; an hour at most.
    static func time(_ text: String) -> Int64? {
        let units = [("us", 1e3), ("ms", 1e6), ("s", 1e9)]
        guard let (suffix, unit) = units.first(where: { text.hasSuffix($0.0) }),
            let number = Double(text.dropLast(suffix.count)), (0...3600e9).contains(number * unit)
        else { return nil }
        return Int64(number * unit)
    }

    /// `1500000`, `1500k` or `1.5M`.
    static func count(_ text: String) -> Int64? {
        let units = [("k", 1e3), ("M", 1e6), ("", 1)]
        guard let (suffix, unit) = units.first(where: { text.hasSuffix($0.0) || $0.0.isEmpty }),
            let number = Double(text.dropLast(suffix.count)), (0...1e12).contains(number * unit)
        else { return nil }
        return Int64(number * unit)
    }
}
