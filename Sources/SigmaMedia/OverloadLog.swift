internal import SigmaCore
internal import SigmaEngine
internal import SigmaSystem

/// Says when new sessions begin to be refused, at most once in 10 s: a load at the limit crosses it often.
struct OverloadLog {
    private var lastLine: Instant?
    private static let pause = Interval.seconds(10)

    mutating func note(wasOverloaded: Bool, _ load: LoadGauge, at now: Instant) {
        guard load.isOverloaded, !wasOverloaded else { return }
        if let lastLine, now - lastLine < Self.pause { return }
        lastLine = now
        Log.write(
            .warning,
            "overloaded, new viewers are refused: processor \(Int(load.busy * 100)) %, "
                + "pressure \(Int(load.pressure * 100)) % of the limit")
    }
}
