import FoundationEssentials
import SigmaStore
import SigmaSystem

/// The database, whose errors are one line that names the file.
struct OperatorDatabase {
    let path: String
    private let reader: StoreReader

    /// - Parameter advice: Added where there is no such file.
    init(path: String, advice: String?) throws(OperatorError) {
        self.path = path
        do { try Files.checkReadable(path) } catch {
            guard error.isMissing else { throw Self.error(.inaccessible, path) }
            let fix = advice ?? "set SIGMA_DATABASE or --database to it; sigma-signal makes it when it starts"
            throw .unreachable("there is no database \(path); \(fix)")
        }
        do { reader = try StoreReader(path: path) } catch { throw Self.error(error, path) }
    }

    func rooms(includingEnded: Bool) throws(OperatorError) -> [StoredRoom] {
        try read { () throws(StoreError) in try reader.rooms(includingEnded: includingEnded) }
    }

    /// The newest first.
    func sessions(_ filter: SessionFilter) throws(OperatorError) -> [StoredSession] {
        try read { () throws(StoreError) in try reader.sessions(filter) }
    }

    /// Those that have not ended, the oldest first.
    func openSessions(in room: Int64? = nil) throws(OperatorError) -> [StoredSession] {
        var filter = SessionFilter()
        filter.room = room
        filter.isOpen = true
        filter.limit = .max
        return try sessions(filter).reversed()
    }

    func session(_ number: Int64) throws(OperatorError) -> StoredSession? {
        var filter = SessionFilter()
        filter.before = number == .max ? number : number + 1
        filter.limit = 1
        return try sessions(filter).first { $0.number == number }
    }

    func client(of session: Int64) throws(OperatorError) -> ClientData? {
        try read { () throws(StoreError) in try reader.client(of: session) }
    }

    func history(_ filter: HistoryFilter) throws(OperatorError) -> [AuditRecord] {
        var records: [AuditRecord] = []
        try read { () throws(StoreError) in try reader.history(filter) { records.append($0) } }
        return records
    }

    func verify(_ anchors: [AuditHead]) throws(OperatorError) -> Verification {
        try read { () throws(StoreError) in try reader.verify(anchors: anchors) }
    }

    /// Copies it, as it is now, to `file`, which must be empty.
    func backup(to file: String) throws(OperatorError) {
        do { try reader.backup(to: file) } catch {
            throw .unreachable("\(path) cannot be copied to \(file): \(error)")
        }
    }

    /// The room of this name, or else of this number; one that has ended too.
    func room(_ text: String) throws(OperatorError) -> StoredRoom {
        let rooms = try rooms(includingEnded: true)
        let number = Int64(text)
        guard let room = rooms.first(where: { $0.name == text }) ?? rooms.first(where: { $0.id == number })
        else { throw .notFound("there is no room \(text); sigmactl rooms --all lists them") }
        return room
    }

    /// The number of the room of this name; else the number itself, whether or not the room is still kept.
    func roomNumber(_ text: String) throws(OperatorError) -> Int64 {
        do { return try room(text).id } catch {
            guard case .notFound = error, let number = Int64(text) else { throw error }
            return number
        }
    }

    private func read<Value>(_ body: () throws(StoreError) -> Value) throws(OperatorError) -> Value {
        do { return try body() } catch { throw Self.error(error, path) }
    }

    private static func error(_ error: StoreError, _ path: String) -> OperatorError {
        switch error {
        case .inaccessible:
            .unreachable("\(path) cannot be read; run sigmactl as root or as sigma-signal's user")
        case .corrupt:
            .unreachable("\(path) is damaged, or no database; go back to a backup (README, sigmactl)")
        case .newer, .full, .locked, .outOfOrder, .conflict, .other:
            .unreachable("\(path) cannot be read: \(error)")
        }
    }
}
