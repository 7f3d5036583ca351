package import SigmaWire

/// One datagram to send: from `path.local` to `path.remote`.
package struct Transmission: Equatable, Sendable {
    package let path: Path
    package let bytes: [UInt8]
    /// What it asks for, when it is a NACK.
    package internal(set) var request: LossRequest?
}

/// The full, controlling ICE agent of a peer whose server is lite.
///
/// ```
///  each pair: waiting ──check──▶ inProgress ──success──▶ succeeded
///                                    └──── 7 unanswered ──▶ failed
///  first success ──USE-CANDIDATE──▶ selected ──30 s unanswered──▶ expired
/// ```
///
/// Regular nomination; the selected pair is checked about every 5 s for consent. After every call drain
/// ``takeOutput()``.
///
/// - SeeAlso: RFC 8445 §7.2, §8.1.1, §14; RFC 7675 §5.1
struct ICEControllingAgent {
    /// RFC 8445 §14.3; doubled with each retransmission (RFC 8489 §6.2.1).
    private static let firstTimeout: Int64 = 500_000_000
    private static let transmissions = 7
    /// Ta: the pace of first checks (RFC 8445 §14.2).
    private static let pace: Int64 = 50_000_000
    /// RFC 7675 §5.1: spread by 0.8 to 1.2.
    private static let consentInterval: Int64 = 5_000_000_000
    private static let consentLifetime: Int64 = 30_000_000_000

    enum Event: Equatable {
        case pathSelected(Path)
        case failed
        case consentExpired
    }

    struct Credentials: Equatable {
        let ufrag: String
        let password: String
    }

    private struct Check {
        let transaction: TransactionID
        let nominates: Bool
        let bytes: [UInt8]
        var sent = 1
        var timeout: Int64
        var due: Int64
    }

    private struct Pair {
        let path: Path
        let priority: UInt32
        var state = State.waiting
        enum State { case waiting, inProgress, succeeded, failed }
        var check: Check?
    }

    private let local: Credentials
    private var remote: Credentials
    private var random: SeededGenerator
    private let tieBreaker: UInt64
    private var pairs: [Pair] = []
    private var nextFirstCheck: Int64?
    private var isNominating = false
    private(set) var selected: Path?
    private var consent: (nextCheck: Int64, expires: Int64)?
    private var consentTransactions: [TransactionID] = []
    private var output: [Transmission] = []
    private(set) var events: [Event] = []

    init(local: Credentials, remote: Credentials, random: SeededGenerator) {
        self.local = local
        self.remote = remote
        self.random = random
        tieBreaker = self.random.next()
    }

    mutating func takeOutput() -> [Transmission] {
        defer { output = [] }
        return output
    }

    mutating func takeEvents() -> [Event] {
        defer { events = [] }
        return events
    }

    /// Whether `address` is one the agent has sent checks to: nobody else is heard.
    func knows(_ address: Address) -> Bool { pairs.contains { $0.path.remote == address } }

    // MARK: Inputs

    mutating func start(from local: Address, to candidates: [Address], at now: Int64) {
        for (index, remote) in candidates.enumerated() {
            let path = Path(local: local, remote: remote)
            pairs.append(Pair(path: path, priority: Self.priority(index)))
        }
        nextFirstCheck = now
        advance(to: now)
    }

    /// The host has a new address: the selected server address is checked and nominated from there.
    mutating func changeLocalAddress(_ address: Address, at now: Int64) {
        let remotes = selected.map { [$0.remote] } ?? pairs.map(\.path.remote)
        pairs = remotes.enumerated().map { index, remote in
            Pair(path: Path(local: address, remote: remote), priority: Self.priority(index))
        }
        isNominating = false
        nextFirstCheck = now
        advance(to: now)
    }

    /// - Returns: `false` when the message is not one of this agent's business.
    mutating func handle(_ bytes: [UInt8], on path: Path, at now: Int64) -> Bool {
        guard let message = try? STUNMessageView(unsafe bytes.span.bytes),
            message.method == STUN.bindingMethod
        else { return false }
        switch message.messageClass {
        case .request: return respond(to: message, on: path)
        case .success:
            guard Self.isAuthentic(message, password: remote.password) else { return false }
            return succeed(message.transaction, from: path.remote, at: now)
        case .error:
            guard Self.isAuthentic(message, password: remote.password) else { return false }
            return refuse(message.transaction)
        case .indication: return true
        }
    }

    mutating func advance(to now: Int64) {
        startNextCheck(at: now)
        for index in pairs.indices { retransmit(index, at: now) }
        checkConsent(at: now)
        if !pairs.isEmpty, selected == nil, pairs.allSatisfy({ $0.state == .failed }) {
            pairs = []
            events.append(.failed)
        }
    }

    var deadline: Int64? {
        var earliest = Int64.max
        for pair in pairs {
            if let check = pair.check { earliest = min(earliest, check.due) }
            if let nextFirstCheck, pair.state == .waiting { earliest = min(earliest, nextFirstCheck) }
        }
        if let consent { earliest = min(earliest, consent.nextCheck, consent.expires) }
        return earliest == .max ? nil : earliest
    }

    // MARK: Checks

    /// Host candidates, type preference 126 (RFC 8445 §5.1.2).
    private static func priority(_ index: Int) -> UInt32 {
        110 << 24 | UInt32(max(0, 65535 - index)) << 8 | 255
    }

    private mutating func startNextCheck(at now: Int64) {
        guard let due = nextFirstCheck, due <= now,
            let index = pairs.firstIndex(where: { $0.state == .waiting })
        else { return }
        pairs[index].state = .inProgress
        send(index, nominates: false, at: now)
        nextFirstCheck = now + Self.pace
    }

    private mutating func send(_ index: Int, nominates: Bool, at now: Int64) {
        let (high, low) = random.transaction()
        let transaction = TransactionID(high: high, low: low)
        let bytes = request(transaction, priority: pairs[index].priority, nominates: nominates)
        pairs[index].check = Check(
            transaction: transaction, nominates: nominates, bytes: bytes, timeout: Self.firstTimeout,
            due: now + Self.firstTimeout)
        output.append(Transmission(path: pairs[index].path, bytes: bytes))
    }

    private mutating func retransmit(_ index: Int, at now: Int64) {
        guard var check = pairs[index].check, check.due <= now else { return }
        guard check.sent < Self.transmissions else {
            pairs[index].check = nil
            pairs[index].state = .failed
            if check.nominates { isNominating = false }
            return
        }
        check.sent += 1
        check.timeout *= 2
        check.due = now + check.timeout
        pairs[index].check = check
        output.append(Transmission(path: pairs[index].path, bytes: check.bytes))
    }

    private func request(_ transaction: TransactionID, priority: UInt32, nominates: Bool) -> [UInt8] {
        var message = STUNMessageBuilder(.request, transaction: transaction)
        message.append(STUN.Attribute.username, Array("\(remote.ufrag):\(local.ufrag)".utf8))
        var value: [UInt8] = []
        value.append(bigEndian: tieBreaker)
        message.append(STUN.Attribute.iceControlling, value)
        value = []
        value.append(bigEndian: priority)
        message.append(STUN.Attribute.priority, value)
        if nominates { message.append(STUN.Attribute.useCandidate, []) }
        message.appendIntegrity(hmacSHA1(key: remote.password, message.integrityInput()))
        message.appendFingerprint()
        return message.bytes
    }

    private mutating func succeed(_ transaction: TransactionID, from remote: Address, at now: Int64) -> Bool {
        if let index = consentTransactions.firstIndex(of: transaction), selected?.remote == remote {
            consentTransactions.remove(at: index)
            consent?.expires = now + Self.consentLifetime
            return true
        }
        // A response must come from where the request went (RFC 8445 §7.2.5.2.1).
        guard
            let index = pairs.firstIndex(where: {
                $0.check?.transaction == transaction && $0.path.remote == remote
            })
        else { return false }
        let nominated = pairs[index].check?.nominates ?? false
        pairs[index].check = nil
        pairs[index].state = .succeeded
        if nominated {
            select(pairs[index].path, at: now)
        } else if !isNominating {
            isNominating = true
            send(index, nominates: true, at: now)
        }
        return true
    }

    private mutating func select(_ path: Path, at now: Int64) {
        selected = path
        consent = (now + spreadInterval(), now + Self.consentLifetime)
        events.append(.pathSelected(path))
        // The other pairs are not needed any more.
        for index in pairs.indices where pairs[index].path != path { pairs[index].check = nil }
        nextFirstCheck = nil
    }

    private mutating func refuse(_ transaction: TransactionID) -> Bool {
        guard let index = pairs.firstIndex(where: { $0.check?.transaction == transaction }) else {
            return false
        }
        pairs[index].check = nil
        pairs[index].state = .failed
        return true
    }

    // MARK: Consent (RFC 7675 §5.1)

    private mutating func spreadInterval() -> Int64 {
        let spread = Int64(random.next() % 401) - 200
        return Self.consentInterval + Self.consentInterval / 1000 * spread
    }

    private mutating func checkConsent(at now: Int64) {
        guard let consent, selected != nil else { return }
        guard consent.expires > now else {
            self.consent = nil
            self.selected = nil
            pairs = []
            events.append(.consentExpired)
            return
        }
        guard consent.nextCheck <= now else { return }
        let next = now + spreadInterval()
        self.consent?.nextCheck = next
        sendCheck(nominates: true, at: now)
    }

    /// A check on the selected path, out of turn, with or without USE-CANDIDATE.
    mutating func sendCheck(nominates: Bool, at now: Int64) {
        guard let selected, let bytes = makeCheck(nominates: nominates) else { return }
        output.append(Transmission(path: selected, bytes: bytes))
    }

    /// - Returns: `nil` while there is no selected path.
    mutating func makeCheck(nominates: Bool) -> [UInt8]? {
        guard selected != nil, consent != nil else { return nil }
        let (high, low) = random.transaction()
        let transaction = TransactionID(high: high, low: low)
        // A late answer still proves consent: the last few are remembered.
        consentTransactions = consentTransactions.suffix(5) + [transaction]
        return request(transaction, priority: Self.priority(0), nominates: nominates)
    }

    // MARK: The server's own checks, from one that is not lite

    private mutating func respond(to message: borrowing STUNMessageView, on path: Path) -> Bool {
        let expected = Array("\(local.ufrag):\(remote.ufrag)".utf8)
        guard let username = message.username, message.bytes.array(username) == expected,
            Self.isAuthentic(message, password: local.password)
        else { return false }
        let isConflict = message.iceControlling != nil
        var response = STUNMessageBuilder(isConflict ? .error : .success, transaction: message.transaction)
        if isConflict {
            // RFC 8445 §7.3.1.1, without switching roles.
            response.appendErrorCode(487, reason: "Role Conflict")
        } else {
            response.appendXORMappedAddress(path.remote)
        }
        response.appendIntegrity(hmacSHA1(key: local.password, response.integrityInput()))
        response.appendFingerprint()
        output.append(Transmission(path: path, bytes: response.bytes))
        return true
    }

    private static func isAuthentic(_ message: borrowing STUNMessageView, password: String) -> Bool {
        guard let offset = message.integrityOffset, let length = message.integrityLengthField else {
            return false
        }
        var input = message.bytes.array(0..<offset)
        input.replace(bigEndian: length, at: 2)
        let hmac = message.bytes.array((offset + 4)..<(offset + STUN.integrityAttributeLength))
        return hmacSHA1(key: password, input) == hmac
    }
}
