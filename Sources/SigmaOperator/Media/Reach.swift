import SigmaControl
import SigmaStore

/// What of the server answers: a command that shows both goes on with one of them.
struct Reach {
    let database: OperatorDatabase?
    let media: MediaLink?

    /// Says in one line which of them is missing.
    ///
    /// - Throws: ``OperatorError/unreachable(_:)`` where both are.
    init(_ places: Places, in context: OperatorContext) throws(OperatorError) {
        var problems: [OperatorError] = []
        var database: OperatorDatabase?
        var media: MediaLink?
        do { database = try places.database(in: context) } catch { problems.append(error) }
        do { media = try places.media(in: context) } catch { problems.append(error) }
        for problem in problems {
            // A variable that is wrong is not something to go on without.
            guard case .unreachable(let line) = problem else { throw problem }
            context.note(Printable.text(line))
        }
        guard problems.count < 2 else { throw .unreachable("nothing can be shown without either") }
        self.database = database
        self.media = media
    }

    /// For a command that cannot do without media.
    ///
    /// - Throws: ``OperatorError/unreachable(_:)`` where it is missing; the database may be.
    init(_ media: MediaLink, _ places: Places, in context: OperatorContext) throws(OperatorError) {
        self.media = media
        var database: OperatorDatabase?
        do { database = try places.database(in: context) } catch {
            guard case .unreachable(let line) = error else { throw error }
            context.note(Printable.text(line))
        }
        self.database = database
    }

    /// The room's number.
    func room(_ text: String) throws(OperatorError) -> Int64 {
        if let database { return try database.roomNumber(text) }
        guard let number = Int64(text) else {
            throw .unreachable("without the database a room is found by its number only")
        }
        return number
    }

    /// Sessions that have not ended, the oldest first, and then those the database does not know.
    ///
    /// The database is read first: what media has since opened is then shown by its hash, and nothing that it has
    /// opened reads as lost.
    func sessions(in room: Int64?, ended: [StoredSession] = []) throws(OperatorError) -> [KnownSession] {
        let stored = (try database?.openSessions(in: room) ?? []) + ended
        let live = try media?.snapshot()
        return KnownSession.joined(
            stored.sorted { $0.number < $1.number },
            live?.filter { room == nil || Int64(clamping: $0.roomID) == room })
    }
}
