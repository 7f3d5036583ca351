package import SigmaWire

/// A Binding request whose MESSAGE-INTEGRITY was right (RFC 8489 §14.5).
///
/// Made by the engine only after it checked: the agent is never handed octets that nobody verified.
package struct AuthenticatedCheck: Equatable, Sendable {
    package let transaction: TransactionID
    /// The role the sender claims.
    package let role: Role
    package let useCandidate: Bool

    package init(_ transaction: TransactionID, role: Role = .controlling, useCandidate: Bool) {
        self.transaction = transaction
        self.role = role
        self.useCandidate = useCandidate
    }

    package enum Role: Equatable, Sendable { case controlling, controlled }
}

/// The ICE-lite side of one peer: answers connectivity checks, sends none of its own.
///
/// A value with one transition, ``handle(_:on:at:)``; it lies in the session record and so survives the
/// process. Same state, same input, same instant: same outcome.
///
/// - SeeAlso: RFC 8445 §2.5 (lite), §7.3 (server procedures); RFC 7675 §5.1 (consent)
package struct ICELiteAgent: BitwiseCopyable, Sendable {
    /// Without a check for this long the peer is called disconnected.
    package static let disconnectAfter = Interval.seconds(15)
    /// Without a check for this long nothing may be sent to it (RFC 7675 §5.1).
    package static let consentTimeout = Interval.seconds(30)
    package static let pathLimit = 4

    private var validated = InlineArray<4, Path>(
        repeating: Path(local: .unspecified, remote: .unspecified))
    private var lastChecks = InlineArray<4, Instant>(repeating: .zero)
    private var validatedCount: UInt8 = 0
    private var hasNominated = false
    private var nominated = Path(local: .unspecified, remote: .unspecified)
    private(set) package var lastConsent = Instant.zero

    package init() {}

    package enum Reply: Equatable, Sendable {
        case bindingSuccess
        /// 487: we are lite, hence always controlled (RFC 8445 §6.1.1), and cannot switch roles.
        case roleConflict
    }

    package struct Outcome: Equatable, Sendable {
        package let reply: Reply
        /// The path joined the validated ones; the tuple table has to learn it.
        package var isNewPath = false
        /// A path that is validated no longer, since only four are kept.
        package var forgotten: Path?
        /// Media goes to this path from now on.
        package var selected: Path?
    }

    /// The last nomination wins: a peer that roams nominates again, and a repeated USE-CANDIDATE is
    /// harmless at any time (RFC 8445 §7.3.1.5, §8.1.1).
    package mutating func handle(_ check: AuthenticatedCheck, on path: Path, at now: Instant) -> Outcome {
        guard check.role == .controlling else { return Outcome(reply: .roleConflict) }
        var outcome = Outcome(reply: .bindingSuccess)
        let before = mediaPath
        if !isValidated(path) {
            outcome.forgotten = remember(path)
            outcome.isNewPath = true
        }
        noteCheck(on: path, at: now)
        if check.useCandidate || isAbandoned(at: now) {
            hasNominated = true
            nominated = path
        }
        // Consent is for the path that media takes, not for the peer (RFC 7675 §5.1).
        if path == mediaPath { lastConsent = now }
        if mediaPath != before { outcome.selected = mediaPath }
        return outcome
    }

    /// - Returns: The path that had to go.
    private mutating func remember(_ path: Path) -> Path? {
        let count = Int(validatedCount)
        if count < Self.pathLimit {
            validated[count] = path
            lastChecks[count] = .zero
            validatedCount += 1
            return nil
        }
        // The oldest goes, but never the one that carries media.
        let victim = hasNominated && validated[0] == nominated ? 1 : 0
        let forgotten = validated[victim]
        for index in victim..<(Self.pathLimit - 1) {
            validated[index] = validated[index + 1]
            lastChecks[index] = lastChecks[index + 1]
        }
        validated[Self.pathLimit - 1] = path
        return forgotten
    }

    private mutating func noteCheck(on path: Path, at now: Instant) {
        for index in 0..<Int(validatedCount) where validated[index] == path { lastChecks[index] = now }
    }

    /// When the last check came over `path`; `nil` when it is not validated.
    package func lastCheck(on path: Path) -> Instant? {
        for index in 0..<Int(validatedCount) where validated[index] == path { return lastChecks[index] }
        return nil
    }

    /// The path of the media has gone quiet while checks come over another: a NAT has mapped the peer anew,
    /// and it does not know.
    private func isAbandoned(at now: Instant) -> Bool {
        guard let mediaPath, let last = lastCheck(on: mediaPath) else { return false }
        return now - last >= Self.abandonedAfter
    }

    private static let abandonedAfter = Interval.seconds(8)

    /// Whether an authenticated check came over `path`: DTLS and SRTP are heard from there.
    package func isValidated(_ path: Path) -> Bool {
        for index in 0..<Int(validatedCount) where validated[index] == path { return true }
        return false
    }

    package var validatedPaths: [Path] { (0..<Int(validatedCount)).map { validated[$0] } }

    /// Where media goes: the nominated path, before that the first validated one (RFC 8445 §12.1.1).
    package var mediaPath: Path? {
        if hasNominated { return nominated }
        return validatedCount > 0 ? validated[0] : nil
    }

    /// After an alert that can no longer be authenticated: consent ends 6 s from now unless a check comes.
    package mutating func shortenConsent(at now: Instant) {
        let shortened =
            now + Interval(nanoseconds: Interval.seconds(6).nanoseconds - Self.consentTimeout.nanoseconds)
        lastConsent = min(lastConsent, shortened)
    }

    static let octetRules: [OctetRule] = [.flag(\ICELiteAgent.hasNominated)]

    /// Whether this is a state that calls up to `now` can have led to; for one from untrusted memory.
    func isSound(at now: Instant) -> Bool {
        guard Int(validatedCount) <= Self.pathLimit, lastConsent <= now,
            lastConsent >= Instant(nanoseconds: -Self.consentTimeout.nanoseconds)
        else { return false }
        for index in 0..<Int(validatedCount) {
            guard validated[index].remote.port != 0, lastChecks[index] >= .zero, lastChecks[index] <= now
            else { return false }
        }
        return !hasNominated || isValidated(nominated)
    }

    package enum Consent: Equatable, Sendable { case given, doubtful, expired }

    /// When ``consent(at:)`` next says something else, should no check come.
    package func consentChange(after now: Instant) -> Instant {
        let doubtful = lastConsent + Self.disconnectAfter
        return doubtful > now ? doubtful : lastConsent + Self.consentTimeout
    }

    /// Meaningful once a path is there.
    package func consent(at now: Instant) -> Consent {
        let silence = now - lastConsent
        if silence >= Self.consentTimeout { return .expired }
        return silence >= Self.disconnectAfter ? .doubtful : .given
    }
}
