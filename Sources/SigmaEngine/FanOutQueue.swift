internal import SigmaCore

/// A track with packets that not every viewer has.
struct FanOutJob: BitwiseCopyable {
    var room: Int
    var track: Int
}

/// The tracks that have something to fan out; rooms and tracks take turns, audio goes first.
///
/// Audio gives way once when it has filled a whole slice: its packets are few, but a publisher could send many.
struct FanOutQueue {
    private var audio = Lane()
    private var video = Lane()
    private var videoIsFirst = false

    var isEmpty: Bool { audio.isEmpty && video.isEmpty }
    var count: Int { audio.count + video.count }

    mutating func append(_ job: FanOutJob, _ kind: MediaKind) {
        switch kind {
        case .audio: audio.append(job)
        case .video: video.append(job)
        }
    }

    /// The job whose turn it is; it is in the queue no more.
    mutating func popFirst() -> FanOutJob? {
        if videoIsFirst, let job = video.popFirst() { return job }
        return audio.popFirst() ?? video.popFirst()
    }

    /// To be called at the end of each slice.
    mutating func endSlice() { videoIsFirst = !videoIsFirst && !audio.isEmpty }

    mutating func remove(room: Int) {
        audio.remove(room: room)
        video.remove(room: room)
    }

    /// First in, first out; it allocates only when it holds more than ever before.
    private struct Lane {
        private var jobs: [FanOutJob] = []
        private var head = 0

        init() { jobs.reserveCapacity(Self.usual) }

        private static let usual = 256

        var isEmpty: Bool { head == jobs.count }
        var count: Int { jobs.count - head }

        mutating func append(_ job: FanOutJob) {
            // What was taken makes room before the array grows.
            if jobs.count == jobs.capacity, head > 0 {
                jobs.removeFirst(head)
                head = 0
            }
            jobs.append(job)
        }

        mutating func popFirst() -> FanOutJob? {
            guard head < jobs.count else { return nil }
            let job = jobs[head]
            head += 1
            if head == jobs.count {
                jobs.removeAll(keepingCapacity: true)
                head = 0
            }
            return job
        }

        mutating func remove(room: Int) {
            jobs.removeFirst(head)
            head = 0
            jobs.removeAll { $0.room == room }
        }
    }
}

/// Where the fan-out of one track stands: a walk round the viewers of its room that ends when all, one after the
/// other, were seen at the ring's end.
///
/// Packets that come in meanwhile lengthen the runs of those not yet visited; the others are visited again.
struct FanOutWalk: BitwiseCopyable {
    var isQueued = false
    /// The place of the next viewer in the room.
    var cursor = 0
    /// How many before the cursor are at the ring's end.
    var settled = 0
    /// Where that was.
    var end: UInt64 = 0
}
