package import SigmaWire

/// A report block of the server about one of our streams.
package struct ReportFromServer: Equatable, Sendable {
    package let block: ReportBlock
    /// On the caller's clock.
    package let receivedAt: Int64
}

/// A sender report as it left.
package struct SentReport: Equatable, Sendable {
    package let ssrc: UInt32
    /// The middle 32 bits of its NTP time, which come back as LSR (RFC 3550 §6.4.1).
    package let middle: UInt32
    /// On the caller's clock.
    package let at: Int64
}

/// What encoders do in mid-stream, and real ones are seen to do: OBS restarts its own with a new SSRC.
extension Peer {
    static let reportsKept = 255

    /// The SSRCs that media goes out with now.
    package var sentSSRCs: [UInt32] {
        [source?.audioStream?.ssrc, source?.videoStream?.ssrc].compactMap { $0 }
    }

    /// New SSRCs, first numbers and first times for both streams, without a word (RFC 3550 §8.2).
    package func restartEncoder() {
        guard var source else { return }
        source.audioStream = source.audioStream?.restarted(random: &random)
        source.videoStream = source.videoStream?.restarted(random: &random)
        source.video.requestKeyframe()
        self.source = source
        keepSent(of: source.videoStream, nil)
    }

    /// Goes on with other sequence numbers under the same SSRC.
    package func jumpSequenceNumbers(by count: UInt16) {
        source?.audioStream?.jump(by: count)
        source?.videoStream?.jump(by: count)
    }

    package func pauseMedia() { source?.isPaused = true }

    /// Goes on as a camera does that was covered: the time between is missing.
    package func resumeMedia(at now: Int64) {
        guard var source, source.isPaused else { return }
        source.isPaused = false
        source.audio.skip(to: now - source.began)
        source.video.skip(to: now - source.began)
        self.source = source
    }

    /// Packets of padding alone, as bandwidth probes are.
    package func sendPadding(count: Int, at now: Int64) {
        guard let source, !source.isPaused else { return }
        for _ in 0..<count {
            sendRTP(self.source?.videoStream?.padding(at: now - source.began), at: now)
        }
    }

    /// The publisher's wall clock jumps, and with it the NTP times of its reports.
    package func stepWallClock(by nanoseconds: Int64) { configuration.wallClock += nanoseconds }

    /// A check to be sent from any address of the peer's; `nil` before a path is selected.
    package func makeCheck(nominates: Bool) -> [UInt8]? { agent?.makeCheck(nominates: nominates) }

    /// A check on the selected path, out of turn.
    package func sendCheck(nominates: Bool, at now: Int64) {
        agent?.sendCheck(nominates: nominates, at: now)
        drainAgent(at: now)
    }
}
