package import SigmaWire

extension SessionSlab {
    /// Where the media of the session in `slot` goes; `nil` without a path, or without consent (RFC 7675 §5.1).
    ///
    /// Here, where the fields are seen: outside of the module the whole agent would be copied to be asked.
    package func mediaPath(of slot: Int, at now: Instant) -> Path? {
        self[slot].agent.consent(at: now) == .expired ? nil : self[slot].agent.mediaPath
    }
}
