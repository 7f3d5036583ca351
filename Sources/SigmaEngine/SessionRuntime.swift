internal import SigmaCore
internal import SigmaCrypto
internal import SigmaWire

/// What a session has beside its record: handles of C libraries and what is rebuilt after a restart.
struct SessionRuntime: ~Copyable {
    /// Where it stands in the engine's list of live slots.
    var place = 0
    var room = 0
    // What every packet asks of the cold record, which is too long to be looked at for each.
    var role = Role.viewer
    var isPaused = false
    var fingerprints: [CertificateFingerprint] = []
    /// "ours:theirs", what USERNAME has to be (RFC 8445 §7.2.2).
    var username: [UInt8] = []
    /// Of our password; `nil` in a free slot.
    var integrity: IntegrityKey?

    /// ``Handshakes`` has, or is about to have, a connection for it.
    var hasDTLS = false
    /// Its handshake jobs that wait or are under way.
    var handshakeJobs = 0
    /// The `SSL` was freed after the handshake.
    var isDTLSReleased = false
    var sender: SRTPSender?
    var receiver: SRTPReceiver?
    var lastKeyframeRequest: Instant?
    /// Until then it sees what is past.
    var liveAt = Instant.zero
    /// SRTP that came while the keys were on their way.
    var early: [EarlyDatagram] = []
    /// Octets from and to the peer before DTLS is done.
    var unprovenReceived = 0
    var unprovenSent = 0
    /// The peer has shown that it gets what we send to its address.
    var hasProof = false
    /// Never connected until then: reaped.
    var connectDeadline = Instant.never
    var nextReport = Instant.never
    /// The SSRC of our reports to a publisher.
    var reportSSRC = SSRC(rawValue: 0)
    /// Of a publisher that wants it; too large for what every session has.
    var bandwidth: BandwidthFeedback?

    var egress = InlineArray<4, EgressRuntime>(repeating: EgressRuntime())
    var egressCount = 0
    /// Of a viewer that has asked for packets again.
    private var retransmissionHistory: RetransmissionHistory?

    /// See ``RetransmissionHistory/mayLookUp(at:)``.
    mutating func mayLookUpRetransmission(at now: Instant) -> Bool {
        if retransmissionHistory == nil { retransmissionHistory = RetransmissionHistory() }
        return retransmissionHistory?.mayLookUp(at: now) ?? false
    }

    /// See ``RetransmissionHistory/allow(_:_:sent:roundTrip:at:)``; for what was looked up.
    mutating func allowRetransmission(
        _ index: UInt64, _ place: Int, sent: UInt64, roundTrip: Interval, at now: Instant
    ) -> Bool {
        retransmissionHistory?.allow(index, place, sent: sent, roundTrip: roundTrip, at: now) ?? false
    }

    /// The handshake is done.
    var isSecured: Bool { sender != nil }
}

/// SRTP or SRTCP that came before its keys.
struct EarlyDatagram {
    /// At most this many wait for one session.
    static let limit = 64
    /// And this many for all of them.
    static let totalLimit = 1024

    let octets: [UInt8]
    let isRTCP: Bool
    let arrival: Instant
}

/// The runtimes of all slots, in place; those of slots that were never taken are not made, and cost nothing.
@safe struct RuntimeTable: ~Copyable {
    private let count: Int
    private let base: UnsafeMutablePointer<SessionRuntime>
    /// The runtimes of all slots below are made; slots are taken from the lowest.
    private var made = 0

    init(count: Int) {
        self.count = count
        unsafe base = .allocate(capacity: count)
    }

    deinit {
        unsafe base.deinitialize(count: made)
        unsafe base.deallocate()
    }

    private func address(_ slot: Int) -> UnsafeMutablePointer<SessionRuntime> {
        precondition(slot >= 0 && slot < made, "the slot was never taken")
        return unsafe base + slot
    }

    subscript(slot: Int) -> SessionRuntime {
        unsafeAddress { unsafe UnsafePointer(address(slot)) }
        mutating unsafeMutableAddress { unsafe address(slot) }
    }

    mutating func reset(_ slot: Int) {
        precondition(slot >= 0 && slot < count, "no such slot")
        while made <= slot {
            unsafe (base + made).initialize(to: SessionRuntime())
            made += 1
        }
        unsafe address(slot).pointee = SessionRuntime()
    }
}
