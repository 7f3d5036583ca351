import GRDB

/// Holds the write lock of a database, as another program may.
final class StoreLock: Sendable {
    private let queue: DatabaseQueue

    init(path: String) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.inDatabase { try $0.beginTransaction(.immediate) }
    }

    func release() throws { try queue.inDatabase { try $0.rollback() } }
}
