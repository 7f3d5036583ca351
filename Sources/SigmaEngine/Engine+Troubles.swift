internal import SigmaCore

// What is hard about a publisher's video is said as an event, so that the streamer can be told what to change.
extension Engine {
    /// Judges what the packets so far have said.
    mutating func noteTroubles(slot: Int, track: Track, at arrival: Instant) {
        guard track.line.kind == .video, track.bitstream.isJudgementDue else { return }
        if track.bitstream.judge(track.circumstances, at: arrival) { track.requester.want() }
        guard let news = track.bitstream.takeNews(at: arrival) else { return }
        emit(
            .trackTrouble(
                TroubleFacts(
                    mediaLine: track.mediaLine, troubles: news.troubles,
                    keyframeInterval: UInt32(clamping: news.longestInterval.milliseconds))),
            slot: slot, at: arrival)
    }
}

extension Track {
    fileprivate var circumstances: BitstreamFacts.Circumstances {
        var circumstances = BitstreamFacts.Circumstances()
        circumstances.bareKeyframes = bareKeyframes
        circumstances.isBeyondCache = ring.keptSince.map { $0 < ring.oldestSerial } ?? false
        let feedback = line.feedback
        circumstances.canBeAsked = feedback.contains(.nackPLI) || feedback.contains(.ccmFIR)
        circumstances.listens = requester.isHeard
        return circumstances
    }
}
