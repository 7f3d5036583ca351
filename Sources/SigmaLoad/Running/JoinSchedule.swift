/// When which joins begin: at a rate, or as fast as the limit of joins under way lets them.
struct JoinSchedule {
    enum Kind { case publishers, viewers, connects, churn }

    let kind: Kind
    let count: Int
    /// Nanoseconds from one to the next; 0: no waiting.
    private let interval: Int64
    private(set) var begun = 0
    private(set) var nextAt: Int64

    /// - Parameter rate: Per second; 0: no waiting.
    init(_ kind: Kind, count: Int, rate: Double, from now: Int64) {
        self.kind = kind
        self.count = count
        interval = rate > 0 ? Int64(1e9 / rate) : 0
        nextAt = now
    }

    var isExhausted: Bool { begun >= count }

    /// - Returns: The number of the join to begin now; `nil` when none is due.
    mutating func next(at now: Int64) -> Int? {
        guard !isExhausted, nextAt <= now else { return nil }
        defer { begun += 1 }
        // What the limit held up is caught up with.
        nextAt = interval == 0 ? now : nextAt + interval
        return begun
    }
}
