package import SigmaCore
package import SigmaCrypto
package import SigmaWire

/// One step of a DTLS connection that the engine asks for.
///
/// A handshake costs most of a millisecond, which would hold up media, so the engine only writes these down;
/// the shell carries them to ``Handshakes``, on a thread of its own, and the results back.
package struct HandshakeJob: Sendable {
    package let handle: SessionHandle
    package let path: Path
    package let step: Step

    package enum Step: Sendable {
        /// We are the client and have a path now.
        case start(HandshakeParameters)
        case datagram([UInt8], HandshakeParameters)
        /// The session has ended: say so to the peer and forget it.
        case close
        /// It has ended for want of consent: forget it in silence (RFC 7675 §5.1).
        case forget
    }
}

/// What a handshake needs to know of its session.
package struct HandshakeParameters: Sendable {
    package let role: DTLSRole
    /// Whether a first datagram begins a handshake: not once there are keys.
    package let mayOpen: Bool
    package let fingerprints: [CertificateFingerprint]
}

/// What came of a ``HandshakeJob`` or of a timer.
package struct HandshakeResult: Sendable {
    package let handle: SessionHandle
    package let path: Path
    /// To be sent, in order.
    package var datagrams: [[UInt8]] = []
    package var outcome = Outcome.inProgress
    /// The peer has shown that it gets what we send.
    package var hasProof = false
    /// The last words of a session that is gone by now.
    package var isGoodbye = false

    package init(_ handle: SessionHandle, on path: Path, _ outcome: Outcome = .inProgress) {
        self.handle = handle
        self.path = path
        self.outcome = outcome
    }

    package enum Outcome: Sendable {
        case inProgress
        /// The peer is the announced one; its keys.
        case secured(SRTPKeys)
        case failed(DTLSError)
        case closedByPeer
        /// The `SSL` is freed; the record to say goodbye with later, empty when there is none.
        case released(closeNotify: [UInt8])
    }
}

/// The DTLS connections of the process, sans I/O: jobs and `now` in; results and the next deadline out.
///
/// - SeeAlso: RFC 6347 §4.2.4 (retransmission), RFC 5764 §4
package struct Handshakes: ~Copyable {
    /// The `SSL`, about 74 KiB, is kept this long after the handshake to send its last flight again.
    package static let linger = Interval.seconds(10)

    private let context: DTLSContext
    private var connections: [UInt32: Connection] = [:]
    /// Those with a timer, by slot: a handful, even of many joins a second.
    private var waiting: [UInt32: Connection] = [:]
    /// Those that are done, in the order in which they are due, since all linger as long; some have ended before.
    private var lingering: [(handle: SessionHandle, releaseAt: Instant)] = []
    /// The first of ``lingering`` that was not seen to.
    private var firstLingering = 0
    /// The last generation of each slot whose connection has ended: a datagram that stood in line behind the
    /// end must not begin another, which nobody would close.
    private var ended: [UInt32: UInt32] = [:]

    /// A class, since a noncopyable connection cannot lie in a dictionary.
    private final class Connection {
        let handle: SessionHandle
        let role: DTLSRole
        var path: Path
        var dtls: DTLSConnection
        /// Of the ClientHello that began it.
        var hello: ClientHelloHead?
        /// For whoever sends another one; empty until that happens.
        var cookie: [UInt8] = []
        var isSecured = false
        var retransmitAt = Instant.never

        init(_ handle: SessionHandle, _ role: DTLSRole, _ path: Path, _ dtls: consuming DTLSConnection) {
            self.handle = handle
            self.role = role
            self.path = path
            self.dtls = dtls
        }

        /// Whether `other` is not the ClientHello that this began with, while either may be forged.
        func doubts(_ other: ClientHelloHead) -> Bool {
            guard let hello, role == .server, !isSecured, !dtls.hasProof else { return false }
            return other != hello
        }
    }

    package init(_ identity: borrowing Identity) throws(OpenSSLError) { context = try DTLSContext(identity) }

    package var count: Int { connections.count }

    /// When ``advance(to:)`` is next due.
    ///
    /// - Complexity: O(connections with a timer).
    package var deadline: Instant? {
        var earliest = firstLingering < lingering.count ? lingering[firstLingering].releaseAt : .never
        for connection in waiting.values { earliest = min(earliest, connection.retransmitAt) }
        return earliest == .never ? nil : earliest
    }

    package mutating func run(_ job: HandshakeJob, at now: Instant) -> HandshakeResult {
        var result = HandshakeResult(job.handle, on: job.path)
        switch job.step {
        case .start(let parameters):
            step(nil, job, parameters, at: now, &result)
        case .datagram(let octets, let parameters):
            step(octets, job, parameters, at: now, &result)
        case .close:
            guard let connection = current(job.handle) else { return result }
            connection.dtls.close()
            result.isGoodbye = true
            result.datagrams = connection.dtls.takeOutput()
            forget(connection)
        case .forget:
            if let connection = current(job.handle) { forget(connection) }
        }
        return result
    }

    /// Retransmits and frees what has become due.
    package mutating func advance(to now: Instant) -> [HandshakeResult] {
        var results = releaseDue(at: now)
        // By slot, so that the same run gives the same octets.
        let due = waiting.values.filter { $0.retransmitAt <= now }
        for connection in due.sorted(by: { $0.handle.slot < $1.handle.slot }) {
            var result = HandshakeResult(connection.handle, on: connection.path)
            do throws(DTLSError) {
                try connection.dtls.retransmit()
                flush(connection, at: now, &result)
            } catch {
                result.outcome = .failed(error)
                forget(connection)
            }
            results.append(result)
        }
        return results
    }

    private mutating func releaseDue(at now: Instant) -> [HandshakeResult] {
        var results: [HandshakeResult] = []
        while firstLingering < lingering.count, lingering[firstLingering].releaseAt <= now {
            let handle = lingering[firstLingering].handle
            firstLingering += 1
            guard let connection = current(handle) else { continue }
            var result = HandshakeResult(connection.handle, on: connection.path)
            result.outcome = .released(closeNotify: release(connection))
            results.append(result)
        }
        if firstLingering * 2 > lingering.count {
            lingering.removeFirst(firstLingering)
            firstLingering = 0
        }
        return results
    }

    // MARK: Steps

    private mutating func forget(_ connection: Connection) {
        ended[connection.handle.slot] = connection.handle.generation
        connections[connection.handle.slot] = nil
        waiting[connection.handle.slot] = nil
    }

    private func current(_ handle: SessionHandle) -> Connection? {
        guard let connection = connections[handle.slot], connection.handle == handle else { return nil }
        return connection
    }

    private mutating func step(
        _ octets: [UInt8]?, _ job: HandshakeJob, _ parameters: HandshakeParameters, at now: Instant,
        _ result: inout HandshakeResult
    ) {
        do throws(DTLSError) {
            let connection: Connection
            if let running = current(job.handle) {
                connection = running
            } else {
                guard parameters.mayOpen, ended[job.handle.slot] != job.handle.generation else { return }
                connection = try open(job, parameters)
            }
            let hello = octets.flatMap { ClientHelloHead($0) }
            let isRival = hello.map { connection.doubts($0) } ?? false
            if let octets, isRival, try !replaces(connection, octets, parameters, &result) {
                return
            }
            connection.hello = isRival ? hello : connection.hello ?? hello
            connection.path = job.path
            let step: DTLSConnection.Step
            if let octets, !isRival {
                step = try connection.dtls.receive(octets)
            } else {
                step = try connection.dtls.start()
            }
            switch step {
            case .established where !connection.isSecured:
                result.outcome = .secured(try connection.dtls.exportKeys(role: connection.role))
                connection.isSecured = true
                lingering.append((job.handle, now + Self.linger))
            case .closedByPeer:
                result.outcome = .closedByPeer
            case .established, .inProgress:
                break
            }
            flush(connection, at: now, &result)
        } catch {
            // Whoever failed is told why, as far as OpenSSL has an alert for it.
            if let connection = current(job.handle) {
                connection.dtls.close()
                result.datagrams = connection.dtls.takeOutput()
                forget(connection)
            }
            result.outcome = .failed(error)
        }
    }

    /// Takes another ClientHello than the one a handshake began with, before the peer has signed anything.
    ///
    /// One of them is forged, with the peer's address, and whichever came first must not shut the other out.
    /// The second is asked for a cookie, which only one who gets what is sent to the peer can bring back; then
    /// the handshake begins anew with it. Without a forgery there is one hello, and the round trip is saved.
    ///
    /// - Returns: Whether the cookie came.
    private func replaces(
        _ connection: Connection, _ octets: [UInt8], _ parameters: HandshakeParameters,
        _ result: inout HandshakeResult
    ) throws(DTLSError) -> Bool {
        if connection.cookie.isEmpty { connection.cookie = try DTLSConnection.makeCookie() }
        var other = try DTLSConnection(
            context, role: connection.role, expecting: parameters.fingerprints)
        guard other.listen(octets, cookie: connection.cookie) else {
            result.datagrams = other.takeOutput()
            return false
        }
        connection.dtls = other
        return true
    }

    private mutating func open(
        _ job: HandshakeJob, _ parameters: HandshakeParameters
    ) throws(DTLSError) -> Connection {
        let dtls = try DTLSConnection(
            context, role: parameters.role, expecting: parameters.fingerprints)
        let connection = Connection(job.handle, parameters.role, job.path, dtls)
        connections[job.handle.slot] = connection
        return connection
    }

    private mutating func flush(_ connection: Connection, at now: Instant, _ result: inout HandshakeResult) {
        result.datagrams += connection.dtls.takeOutput()
        result.hasProof = connection.dtls.hasProof
        let left = connection.dtls.timeLeft
        connection.retransmitAt = left.map { now + Interval(nanoseconds: max($0, 1_000_000)) } ?? .never
        waiting[connection.handle.slot] = connection.retransmitAt == .never ? nil : connection
    }

    private mutating func release(_ connection: Connection) -> [UInt8] {
        connection.dtls.close()
        forget(connection)
        return connection.dtls.takeOutput().last ?? []
    }
}
