import Foundation
import GRDB
import SigmaOperator
import SigmaStore

/// What a command wrote.
final class Written: OperatorOutput {
    var output = ""
    var complaints: [String] = []

    func write(_ text: String) { output += text }
    func complain(_ line: String) { complaints.append(line) }
    func flush() {}
    func isRead(after milliseconds: Int) -> Bool { false }

    var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// A database with a short history, in a folder of its own.
final class Server {
    let folder: URL
    /// Unix time, ms: 2026-11-21 14:30:00 UTC.
    static let now: Int64 = 1_795_271_400_000
    /// Of the viewer and of a room's title.
    static let hostile = "=x\u{1b}]0;owned\u{7}\u{9b}2J\r\n\u{202e}!"

    var database: String { folder.appending(path: "sigma.sqlite").path }

    static func with(_ body: (Server) async throws -> Void) async throws {
        let server = try Server()
        try await server.fill()
        try await body(server)
    }

    private init() throws {
        folder = FileManager.default.temporaryDirectory.appending(
            path: "sigmactl-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Runs a command; there is no media.
    func run(
        _ arguments: String..., columns: Int? = nil, environment: [String: String] = [:], input: String = ""
    ) -> (status: Int32, written: Written) {
        let written = Written()
        let status = run(arguments, written, columns: columns, environment: environment, input: input)
        return (status, written)
    }

    func run(
        _ arguments: [String], _ written: Written, columns: Int? = nil, environment: [String: String] = [:],
        input: String = ""
    ) -> Int32 {
        let given = ["SIGMA_DATABASE": database, "SIGMA_RUNTIME_DIR": folder.path, "NO_COLOR": "1"]
            .merging(environment) { $1 }
        let context = OperatorContext(
            environment: given, output: written, columns: columns, zone: LocalTime { _ in 3_600 },
            now: { Self.now }, input: { () throws(OperatorError) in Array(input.utf8) }, hasLocalHome: true)
        return Operator.run(arguments, in: context)
    }

    /// Two rooms, one that has ended; a publisher, a viewer and one that has left.
    private func fill() async throws {
        let store = Store(path: database, clock: { Self.now })
        try store.open()
        let start = Self.now - 600_000
        try await store.submit {
            try $0.create(
                StoredRoom(
                    id: 7, name: "studio", title: "Evening, \(Self.hostile)", isLasting: true,
                    publishKey: Data(repeating: 1, count: 32), createdAt: start, createdBy: "admin"))
            try $0.create(
                StoredRoom(id: 8, name: "7000", isLasting: false, createdAt: start + 1, createdBy: "token"))
            var publisher = NewSession(idHash: .hash(1), room: 7, role: .publisher, openedAt: start + 1_000)
            publisher.client = ClientData(address: "192.0.2.7", userAgent: "OBS")
            _ = try $0.open(publisher)
            var viewer = NewSession(idHash: .hash(2), room: 7, role: .viewer, openedAt: start + 2_000)
            viewer.client = ClientData(address: "2001:db8::9", userAgent: Self.hostile)
            _ = try $0.open(viewer)
            _ = try $0.open(NewSession(idHash: .hash(3), room: 7, role: .viewer, openedAt: start + 3_000))
            try $0.record(.of(1, .publisher, number: 1, at: start + 4_000, .connected))
            try $0.record(.of(1, .publisher, number: 2, at: start + 5_000, .publisherLive))
            try $0.record(.of(2, .viewer, number: 3, at: start + 6_000, .connected))
            let totals = MediaEvent.Totals(octetsSent: 1_200_000_000, octetsReceived: 10)
            try $0.record(
                .of(3, .viewer, number: 4, at: start + 7_000, .ended(reason: "kicked", totals, closedBy: 0)))
            try $0.end(room: 8, at: start + 8_000, by: "admin")
        }.value()
        store.close()
    }

    /// Changes the database as its owner could, past the triggers.
    func tamper(_ sql: String) throws {
        let queue = try DatabaseQueue(path: database)
        try queue.write { database in
            for row in try Row.fetchAll(
                database, sql: "SELECT name FROM sqlite_master WHERE type = 'trigger'")
            {
                let name: String = row["name"]
                try database.execute(sql: "DROP TRIGGER \(name)")
            }
            try database.execute(sql: sql)
        }
        try queue.close()
    }
}

extension MediaEvent {
    static func of(_ id: UInt8, _ role: StoredRole, number: Int64, at time: Int64, _ fact: Fact) -> MediaEvent
    {
        MediaEvent(
            journal: "0102", number: number, time: time, idHash: .hash(id), room: 7, role: role, fact: fact)
    }
}

extension Data {
    static func hash(_ id: UInt8) -> Data { Data(repeating: id, count: 32) }
}
