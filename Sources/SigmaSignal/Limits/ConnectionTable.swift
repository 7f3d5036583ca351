package import SigmaSettings

/// The open connections, in all and by address, and who has to give way.
///
/// A connection between two requests is idle: it is closed for a new one where there is no room else, as its
/// client expects of it any time (RFC 9112 §9.5). So a crowd behind one address has its browsers' kept
/// connections closed early, and is refused only for what is under way.
package struct ConnectionTable<ID: Hashable & Sendable, Connection: Sendable>: Sendable {
    package enum Admission: Sendable {
        case admitted
        /// The idle connection is to be closed; it is no longer in the table.
        case admittedInsteadOf(Connection)
        case refused
    }

    private struct Entry: Sendable {
        let connection: Connection
        let address: IPAddress?
        var isIdle = false
        var hasClosedInput = false
    }

    /// What one address has.
    private struct Share: Sendable {
        var connections: Set<ID> = []
        /// Under way on the connections of proxies.
        var requests = 0

        var count: Int { connections.count + requests }
    }

    private let limit: Int?
    private let limitPerAddress: Int?
    private var entries: [ID: Entry] = [:]
    private var shares: [IPAddress: Share] = [:]

    /// - Parameters:
    ///   - limit: Connections in all.
    ///   - limitPerAddress: Connections, and requests through proxies, of one address.
    package init(limit: Int?, limitPerAddress: Int?) {
        self.limit = limit
        self.limitPerAddress = limitPerAddress
    }

    package var connections: [Connection] { entries.values.map(\.connection) }
    package var isEmpty: Bool { entries.isEmpty }
    /// Addresses that something is known of.
    package var addressCount: Int { shares.count }

    /// Takes in a connection.
    ///
    /// - Parameter address: `nil` for one without a limit of its own.
    package mutating func admit(_ id: ID, _ connection: Connection, from address: IPAddress?) -> Admission {
        var displaced: Connection?
        if let address, isFull(address) {
            guard let idle = shares[address]?.connections.first(where: { entries[$0]?.isIdle == true }) else {
                return .refused
            }
            displaced = remove(idle)
        }
        if let limit, entries.count >= limit {
            guard let idle = entries.first(where: { $0.value.isIdle })?.key else { return .refused }
            displaced = remove(idle)
        }
        entries[id] = Entry(connection: connection, address: address)
        if let address { shares[address, default: Share()].connections.insert(id) }
        return displaced.map { .admittedInsteadOf($0) } ?? .admitted
    }

    /// Forgets a connection; one that is not known changes nothing.
    @discardableResult
    package mutating func remove(_ id: ID) -> Connection? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        if let address = entry.address {
            shares[address]?.connections.remove(id)
            forgetEmptyShare(of: address)
        }
        return entry.connection
    }

    /// Notes whether a connection waits for its next request.
    package mutating func setIdle(_ id: ID, _ isIdle: Bool) {
        entries[id]?.isIdle = isIdle
    }

    /// Notes that the client has closed its half of the connection.
    package mutating func closeInput(_ id: ID) {
        entries[id]?.hasClosedInput = true
    }

    /// Whether the client may still send on the connection, and so most likely waits for an answer.
    package func isWhole(_ id: ID) -> Bool {
        entries[id]?.hasClosedInput == false
    }

    /// Counts a request that came through a proxy.
    ///
    /// - Returns: Whether its client may have one more under way; if so, ``endRequest(from:)`` follows.
    package mutating func beginRequest(from address: IPAddress) -> Bool {
        guard !isFull(address) else { return false }
        shares[address, default: Share()].requests += 1
        return true
    }

    package mutating func endRequest(from address: IPAddress) {
        guard let share = shares[address], share.requests > 0 else { return }
        shares[address]?.requests -= 1
        forgetEmptyShare(of: address)
    }

    private func isFull(_ address: IPAddress) -> Bool {
        guard let limitPerAddress else { return false }
        return (shares[address]?.count ?? 0) >= limitPerAddress
    }

    private mutating func forgetEmptyShare(of address: IPAddress) {
        if shares[address]?.count == 0 { shares[address] = nil }
    }
}
