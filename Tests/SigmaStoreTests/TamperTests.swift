import Foundation
import GRDB
import SigmaStore
import Testing

/// One way to falsify an audit of 60 rows, by somebody who may write the file.
struct Tampering: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// What is found by somebody who knows rows 20, 40 and 60.
    let anchored: AuditFault?
    /// What is found without.
    let plain: AuditFault?
    let apply: @Sendable (Database) throws -> Void

    init(
        _ name: String, _ anchored: AuditFault?, plain: AuditFault?,
        _ apply: @escaping @Sendable (Database) throws -> Void
    ) {
        testDescription = name
        self.anchored = anchored
        self.plain = plain
        self.apply = apply
    }

    /// Found by its first bad row, with anchors and without.
    static let visible: [Tampering] = [
        Tampering("a body is altered", .altered(sequence: 30), plain: .altered(sequence: 30)) {
            try $0.execute(sql: "UPDATE room_event SET body = replace(body, 'uid', 'UID') WHERE seq = 30")
        },
        Tampering("text stands after a NUL", .altered(sequence: 30), plain: .altered(sequence: 30)) {
            try $0.execute(sql: "UPDATE room_event SET body = body || char(0) || 'x' WHERE seq = 30")
        },
        Tampering("a hash is altered", .altered(sequence: 30), plain: .altered(sequence: 30)) {
            try $0.execute(sql: "UPDATE room_event SET hash = zeroblob(32) WHERE seq = 30")
        },
        Tampering("two rows are swapped", .misplaced(sequence: 30), plain: .misplaced(sequence: 30)) {
            try $0.execute(
                sql: """
                    UPDATE room_event SET seq = 1000 WHERE seq = 30; UPDATE room_event SET seq = 30 WHERE seq = 31;
                    UPDATE room_event SET seq = 31 WHERE seq = 1000
                    """)
        },
        Tampering(
            "a row is gone", .missing(expected: 30, found: 31), plain: .missing(expected: 30, found: 31)
        ) { try $0.execute(sql: "DELETE FROM room_event WHERE seq = 30") },
        Tampering(
            "the first row is gone", .missing(expected: 1, found: 2), plain: .missing(expected: 1, found: 2)
        ) { try $0.execute(sql: "DELETE FROM room_event WHERE seq = 1") },
        Tampering(
            "the head is cut off at a checkpoint nobody noted", .unfounded(checkpoint: 30),
            plain: .unfounded(checkpoint: 30)
        ) { try $0.forgeCheckpoint(at: 30, "SELECT seq, hash, 1 FROM room_event WHERE seq = 30") },
        Tampering(
            "a checkpoint has a hash of its own", .altered(sequence: 31), plain: .altered(sequence: 31)
        ) { try $0.forgeCheckpoint(at: 30, "VALUES (30, zeroblob(32), 1)") },
        Tampering(
            "a checkpoint lies beyond the end", .unfounded(checkpoint: 99), plain: .unfounded(checkpoint: 99)
        ) { try $0.forgeCheckpoint(at: 99, "VALUES (99, zeroblob(32), 1)") },
    ]

    /// Found only by what was noted elsewhere.
    static let needingAnchors: [Tampering] = [
        Tampering("the chain is computed again from row 30", .recomputed(sequence: 40), plain: nil) {
            try $0.execute(sql: "UPDATE room_event SET body = replace(body, 'uid', 'UID') WHERE seq = 30")
            try $0.chain(from: 30)
        },
        Tampering("the chain is computed again from row 1", .recomputed(sequence: 20), plain: nil) {
            try $0.execute(sql: "UPDATE room_event SET body = replace(body, 'by', 'BY') WHERE seq = 1")
            try $0.chain(from: 1)
        },
        Tampering("a row is gone and all after it renumbered", .recomputed(sequence: 40), plain: nil) {
            try $0.execute(
                sql: """
                    DELETE FROM room_event WHERE seq = 30;
                    UPDATE room_event SET seq = -seq WHERE seq > 30;
                    UPDATE room_event SET body = replace(body, '{"seq":' || -seq, '{"seq":' || (-seq - 1)),
                        seq = -seq - 1 WHERE seq < 0
                    """)
            try $0.chain(from: 30)
        },
        Tampering("the last row is gone", .cut(last: 59, anchored: 60), plain: nil) {
            try $0.execute(sql: "DELETE FROM room_event WHERE seq = 60")
        },
        Tampering("the tail is cut", .cut(last: 35, anchored: 60), plain: nil) {
            try $0.execute(sql: "DELETE FROM room_event WHERE seq > 35")
        },
        Tampering("all rows are gone", .empty(anchored: 60), plain: nil) {
            try $0.execute(sql: "DELETE FROM room_event")
        },
        Tampering("the last row is another", .recomputed(sequence: 60), plain: nil) {
            try $0.execute(sql: "UPDATE room_event SET body = replace(body, 'uid', 'UID') WHERE seq = 60")
            try $0.chain(from: 60)
        },
    ]
}

extension Database {
    fileprivate func dropTriggers() throws {
        for name in try String.fetchAll(self, sql: "SELECT name FROM sqlite_master WHERE type = 'trigger'") {
            try execute(sql: "DROP TRIGGER \(name)")
        }
    }

    fileprivate func forgeCheckpoint(at sequence: Int64, _ row: String) throws {
        try execute(sql: "INSERT INTO audit_checkpoint (seq, hash, time) \(row)")
        try execute(sql: "DELETE FROM room_event WHERE seq <= ?", arguments: [sequence])
    }

    /// Computes all hashes again from a row on.
    fileprivate func chain(from first: Int64) throws {
        var hash =
            try Data.fetchOne(self, sql: "SELECT hash FROM room_event WHERE seq = ?", arguments: [first - 1])
            ?? Data(count: 32)
        let rows = "SELECT seq, body FROM room_event WHERE seq >= ? ORDER BY seq"
        for row in try Row.fetchAll(self, sql: rows, arguments: [first]) {
            let body: String = row["body"]
            hash = Data(SHA256.hash(Array(hash) + Array(body.utf8)))
            try execute(
                sql: "UPDATE room_event SET hash = ? WHERE seq = ?", arguments: [hash, row["seq"] as Int64])
        }
    }
}

@Suite("Store: an audit that somebody has changed")
struct TamperTests {
    @Test(arguments: Tampering.visible + Tampering.needingAnchors)
    func `verify names the first bad row`(tampering: Tampering) async throws {
        try await Self.withAudit { fixture, anchors in
            try fixture.raw {
                try $0.dropTriggers()
                try tampering.apply($0)
            }
            let reader = try fixture.reader()
            #expect(try reader.verify(anchors: anchors).fault == tampering.anchored)
            #expect(try reader.verify(anchors: []).fault == tampering.plain)
        }
    }

    @Test func `verify names a row that is no JSON any more`() async throws {
        try await Self.withAudit { fixture, anchors in
            fixture.store.close()
            try fixture.raw { _ = try $0.checkpoint(.truncate) }
            let file = URL(filePath: fixture.path)
            var octets = try Data(contentsOf: file)
            // Before its indices, which repeat none of it.
            let body = try #require(octets.range(of: Data("{\"seq\":30,".utf8)))
            octets[body.lowerBound] = UInt8(ascii: "x")
            try octets.write(to: file)
            let verified = try fixture.reader().verify(anchors: anchors)
            #expect((verified.fault, verified.rows) == (.altered(sequence: 30), 29))
        }
    }

    @Test func `a whole audit has no fault, and every anchor is met`() async throws {
        try await Self.withAudit { fixture, anchors in
            let verified = try fixture.reader().verify(anchors: anchors)
            #expect((verified.fault, verified.rows, verified.anchors) == (nil, 60, 3))
            #expect(verified.head == anchors.last)
        }
    }

    @Test func `what is pruned is vouched for, and anchors after it are still met`() async throws {
        try await Self.withAudit { fixture, anchors in
            fixture.pass(milliseconds: 1_000)
            try await fixture.store.submit { try $0.kick(60, room: 1, by: "uid 0") }.value()
            try await fixture.store.retain(history: fixture.now, clients: nil)
            let verified = try fixture.reader().verify(anchors: anchors)
            #expect((verified.fault, verified.checkpoint.sequence, verified.anchors) == (nil, 60, 1))
            #expect((verified.rows, verified.head.sequence) == (2, 62))
        }
    }

    @Test func `a crash between a checkpoint and the pruning delays it only`() async throws {
        try await Self.withAudit { fixture, _ in
            let now = fixture.pass(milliseconds: 1_000)
            try await fixture.store.submit { try $0.kick(61, room: 1, by: "uid 0") }.value()
            _ = try await fixture.store.submit { try $0.checkpoint(before: now) }.value()
            try fixture.reopen()
            try await fixture.store.retain(history: now, clients: nil)
            #expect(try await fixture.store.historyBounds() == 61...62)
        }
    }

    @Test(
        arguments: [
            "UPDATE room_event SET body = body WHERE seq = 30",
            "UPDATE OR REPLACE room_event SET seq = 31 WHERE seq = 30",
            "UPDATE OR IGNORE room_event SET hash = zeroblob(32) WHERE seq = 30",
            "UPDATE room_event SET rowid = 100 WHERE seq = 30",
            "DELETE FROM room_event", "DELETE FROM room_event WHERE seq = 60",
            "INSERT INTO room_event (seq, body, hash) SELECT 62, '{\"seq\":62}', hash FROM room_event LIMIT 1",
            "INSERT INTO room_event (seq, body, hash) SELECT 61, '{\"seq\":60}', hash FROM room_event LIMIT 1",
            "INSERT INTO room_event (seq, body, hash) SELECT NULL, '{\"seq\":61}', hash FROM room_event LIMIT 1",
            "INSERT OR REPLACE INTO room_event (seq, body, hash) SELECT seq, body, hash FROM room_event",
            """
            INSERT OR REPLACE INTO room_event (seq, body, hash)
            SELECT 61, '{"seq":61,"journal":"0102","number":1}', hash FROM room_event LIMIT 1
            """,
            """
            INSERT INTO room_event (seq, body, hash) SELECT seq, body, hash FROM room_event WHERE true
            ON CONFLICT (seq) DO UPDATE SET body = ''
            """,
            "INSERT INTO audit_checkpoint VALUES (30, zeroblob(32), 1)",
            "INSERT INTO audit_checkpoint SELECT 61, hash, 1 FROM room_event WHERE seq = 30",
            "INSERT INTO audit_checkpoint SELECT seq, hash, 1 FROM room_event WHERE seq < 10 ORDER BY seq DESC",
        ])
    func `the database refuses to rewrite the audit`(sql: String) async throws {
        try await Self.withAudit { fixture, _ in
            for recursion in ["OFF", "ON"] {
                let attempt = "PRAGMA recursive_triggers = \(recursion); \(sql)"
                #expect(throws: DatabaseError.self) { try fixture.raw { try $0.execute(sql: attempt) } }
            }
            let rows = try fixture.reader().verify(anchors: []).rows
            #expect(rows == 60)
        }
    }

    /// An audit of 60 rows, and rows 20, 40 and 60 as somebody else knows them.
    private static func withAudit(_ body: (StoreFixture, [AuditHead]) async throws -> Void) async throws {
        try await StoreFixture.with { fixture in
            var anchors: [AuditHead] = []
            try await fixture.store.submit { try $0.create(.lasting(1, "studio")) }.value()
            try await fixture.store.submit { try $0.record(.of(1, .viewer, in: 1, number: 1, .connected)) }
                .value()
            for row in Int64(4)...60 {
                try await fixture.store.submit { try $0.kick(row, room: 1, by: "uid 0") }.value()
                if row % 20 == 0 { anchors.append(fixture.committed.head) }
            }
            try await body(fixture, anchors)
        }
    }
}
