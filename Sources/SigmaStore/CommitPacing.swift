/// Decides whether a commit waits for changes to go with it.
///
/// Changes that come one by one, faster than three milliseconds apart, would each cost an `fsync`. So a commit
/// comes at least that long after the one before, but for two cases: the first after a pause, and where waiting
/// has brought nothing, as with somebody who awaits each change before the next. Then it is tried again later.
package struct CommitPacing {
    private static let gap = Duration.milliseconds(3)
    /// Commits that do not wait after one that waited in vain.
    private static let impatience = 64

    private var last: ContinuousClock.Instant?
    private var hasWaited = false
    private var hurried = 0

    package init() {}

    /// - Returns: How long to wait before what there is is committed; `nil` for not at all.
    package mutating func delay(at now: ContinuousClock.Instant) -> Duration? {
        guard !hasWaited, hurried == 0, let last, now - last < Self.gap else { return nil }
        hasWaited = true
        return Self.gap - (now - last)
    }

    package mutating func committed(_ count: Int, at now: ContinuousClock.Instant) {
        if hasWaited {
            hurried = count == 1 ? Self.impatience : 0
        } else if hurried > 0 {
            hurried -= 1
        }
        hasWaited = false
        last = now
    }
}
