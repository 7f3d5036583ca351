import GRDB

/// Why something was not stored or not read.
package enum StoreError: Error, Equatable, Sendable {
    /// No room on the disk, or the file may grow no further.
    case full
    /// Another process holds the database.
    case locked
    /// The file is damaged, or no database.
    case corrupt
    /// It cannot be opened or written: a folder that is missing, rights, a read-only disk.
    case inaccessible
    /// An event of media's journal before this one has not been stored.
    case outOfOrder
    /// A row that must be there is not, or one that must not be is.
    case conflict
    /// The file was made by a newer version of Sigma.
    case newer
    /// Anything else, by SQLite's extended result code.
    case other(Int32)

    package init(_ error: any Error) {
        if let error = error as? StoreError {
            self = error
        } else if let error = error as? DatabaseError {
            self.init(error)
        } else if error is RowDecodingError || error is DecodingError {
            // The tables are STRICT: a value of the wrong type was not written by SQLite.
            self = .corrupt
        } else {
            self = .other(0)
        }
    }

    private init(_ error: DatabaseError) {
        switch error.resultCode {
        case .SQLITE_FULL: self = .full
        case .SQLITE_IOERR where Self.growth.contains(error.extendedResultCode): self = .full
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL: self = .locked
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH: self = .inaccessible
        case .SQLITE_CONSTRAINT: self = .conflict
        default: self = .other(error.extendedResultCode.rawValue)
        }
    }

    /// Where a quota or a limit ends the growth of a file, and where there is no room for the shared memory
    /// file: SQLite says `SQLITE_FULL` for ENOSPC on its other files only.
    private static let growth: [ResultCode] = [.SQLITE_IOERR_WRITE, .SQLITE_IOERR_SHMSIZE]

    /// Whether all that is tried would fail alike.
    package var isOfWholeStore: Bool {
        switch self {
        case .full, .locked, .corrupt, .inaccessible, .newer: true
        case .outOfOrder, .conflict: false
        case .other(let code): !Self.ofOneStatement.contains(ResultCode(rawValue: code & 0xff))
        }
    }

    /// Whether, after a commit has failed so, the files must be opened again before anything more is written.
    var needsReopening: Bool {
        switch self {
        case .full, .locked: false
        case .corrupt, .inaccessible, .newer, .other, .outOfOrder, .conflict: true
        }
    }

    /// What is wrong with one change only; 0 stands for an error that is not SQLite's.
    private static let ofOneStatement: [ResultCode] = [
        .SQLITE_OK, .SQLITE_ERROR, .SQLITE_TOOBIG, .SQLITE_MISMATCH, .SQLITE_RANGE,
    ]
}

extension StoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .full: "the disk is full"
        case .locked: "another process holds the database"
        case .corrupt: "the database is damaged"
        case .inaccessible: "the database cannot be opened or written"
        case .outOfOrder: "an event before it is missing"
        case .conflict: "the database has other rows than expected"
        case .newer: "the database was made by a newer version"
        case .other(let code): "SQLite says \(code)"
        }
    }
}
