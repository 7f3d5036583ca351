import GRDB
import SigmaSchema

extension Store {
    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "sigma"
        configuration.busyMode = .timeout(patience)
        configuration.maximumReaderCount = 3
        // Where a rollback fails, GRDB would end the process for the transaction that is left: the next commit
        // fails on it, and the database is opened again.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
            // What is erased is overwritten.
            try database.execute(sql: "PRAGMA secure_delete = ON")
        }
        return configuration
    }

    /// How long another process may hold the database, s.
    static let patience = 2.0

    static func migrate(_ pool: DatabasePool) throws {
        var migrator = DatabaseMigrator()
        for migration in Schema.migrations {
            migrator.registerMigration(migration.name) { try $0.execute(sql: migration.sql) }
        }
        guard try pool.read({ try !migrator.hasBeenSuperseded($0) }) else { throw StoreError.newer }
        try migrator.migrate(pool)
    }

    /// Finds a damaged file early; thorough only where it is small enough not to hold up the start.
    static func check(_ database: Database, wasDamaged: Bool) throws {
        let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        guard wasDamaged || pages < 16_384 else { return }
        let verdict = try String.fetchOne(database, sql: "PRAGMA quick_check(1)")
        guard verdict == "ok" else { throw StoreError.corrupt }
    }
}
