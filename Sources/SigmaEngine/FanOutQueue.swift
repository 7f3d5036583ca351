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
    private var audio = FirstInFirstOut<FanOutJob>()
    private var video = FirstInFirstOut<FanOutJob>()
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
        audio.removeAll { $0.room == room }
        video.removeAll { $0.room == room }
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
