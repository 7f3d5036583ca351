internal import SigmaCore
internal import SigmaCrypto
internal import SigmaWire

extension Engine {
    /// A connectivity check: answered when, and only when, its MESSAGE-INTEGRITY is right.
    ///
    /// RFC 8489 §9.1.3 asks for 400 and 401 where it is not; we stay silent, so that nobody can aim our
    /// answers at a third party. FINGERPRINT has to be there, since STUN shares its port (RFC 8489 §6.3, RFC 8445
    /// §7).
    mutating func receiveSTUN(
        _ bytes: RawSpan, on path: Path, now: Instant, into batch: inout DatagramBatch
    ) {
        do throws(WireError) {
            let message = try STUNMessageView(bytes)
            guard message.method == STUN.bindingMethod, message.messageClass == .request,
                let username = message.username, message.integrityOffset != nil, message.hasFingerprint
            else {
                counters.stunIgnored &+= 1
                return
            }
            guard let slot = sessionOf(username: bytes.extracting(username)) else {
                if misdelivered == nil { counters.stunUnknownUfrag &+= 1 }
                return
            }
            guard runtimes[slot].integrity?.verifies(message) == true else {
                counters.stunBadIntegrity &+= 1
                return
            }
            answer(message, slot: slot, on: path, now: now, into: &batch)
        } catch {
            counters.stunMalformed &+= 1
        }
    }

    /// The slot stands in our ufrag, the first half of USERNAME (RFC 8445 §7.2.2); the rest has to match.
    ///
    /// - Complexity: O(octets), no allocation: this is what a flood of forged checks costs us.
    private mutating func sessionOf(username: RawSpan) -> Int? {
        guard username.byteCount > ICECredentials.ufragLength,
            let number = ICECredentials.slot(
                ofUfrag: username.extracting(0..<ICECredentials.ufragLength)
            ).map(Int.init)
        else { return nil }
        misdelivered = neighbour(ofSlot: number)
        let slot = number - configuration.shard * configuration.sessionLimit
        guard slot >= 0, slot < slab.count, slab[slot].commit != 0,
            runtimes[slot].username.count == username.byteCount
        else { return nil }
        for (place, octet) in runtimes[slot].username.enumerated() where username.octet(at: place) != octet {
            return nil
        }
        return slot
    }

    private mutating func answer(
        _ message: borrowing STUNMessageView, slot: Int, on path: Path, now: Instant,
        into batch: inout DatagramBatch
    ) {
        counters.stunAnswered &+= 1
        noteUnproven(received: message.bytes.byteCount, slot)
        if let unknown = message.unknownRequired {
            var reply = STUNMessageBuilder(.error, transaction: message.transaction)
            reply.appendErrorCode(420, reason: "Unknown Attribute")
            reply.append(
                STUN.Attribute.unknownAttributes,
                [UInt8(unknown >> 8), UInt8(truncatingIfNeeded: unknown)])
            send(reply, slot: slot, on: path, into: &batch)
            return
        }
        let check = AuthenticatedCheck(
            message.transaction, role: message.iceControlled == nil ? .controlling : .controlled,
            useCandidate: message.useCandidate)
        let outcome = slab[slot].agent.handle(check, on: path, at: now)
        switch outcome.reply {
        case .bindingSuccess:
            var reply = STUNMessageBuilder(.success, transaction: message.transaction)
            reply.appendXORMappedAddress(path.remote)
            send(reply, slot: slot, on: path, into: &batch)
        case .roleConflict:
            var reply = STUNMessageBuilder(.error, transaction: message.transaction)
            reply.appendErrorCode(487, reason: "Role Conflict")
            send(reply, slot: slot, on: path, into: &batch)
        }
        apply(outcome, slot: slot, on: path, at: now)
    }

    private mutating func send(
        _ reply: consuming STUNMessageBuilder, slot: Int, on path: Path, into batch: inout DatagramBatch
    ) {
        guard let key = runtimes[slot].integrity else { return }
        reply.seal(key: key)
        runtimes[slot].unprovenSent += !runtimes[slot].isSecured ? reply.bytes.count : 0
        if !batch.append(reply.bytes, on: path) { counters.outputDropped &+= 1 }
    }

    /// Leads the path to this session, unless another one that uses it was checked over it just now: a
    /// single check with somebody else's address must not take his media away.
    private mutating func claim(_ path: Path, slot: Int, at now: Instant) {
        let owner = tuples.slot(for: path).map(Int.init)
        guard owner != slot else { return }
        if let owner, let last = slab[owner].agent.lastCheck(on: path), now - last < Self.claimPatience {
            return
        }
        tuples.insert(path, slot: UInt32(slot))
    }

    /// A path that was checked this recently is not led elsewhere, on this shard or another.
    static var claimPatience: Interval { .seconds(10) }

    private mutating func apply(
        _ outcome: ICELiteAgent.Outcome, slot: Int, on path: Path, at now: Instant
    ) {
        if let forgotten = outcome.forgotten { tuples.remove(forgotten, slot: UInt32(slot)) }
        guard outcome.reply == .bindingSuccess else { return }
        claim(path, slot: slot, at: now)
        var cold = slab.cold(slot)
        switch cold.state {
        case .connecting:
            cold.state = .securing
            slab.commit(cold, slot: slot)
            if cold.isDTLSClient { queueHandshake(slot, .start(parameters(slot)), on: path) }
        case .disconnected:
            cold.state = .connected
            slab.commit(cold, slot: slot)
            emit(.reconnected, slot: slot, at: now)
        case .securing, .connected:
            break
        }
    }
}
