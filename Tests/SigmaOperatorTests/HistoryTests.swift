import Foundation
import SigmaOperator
import SigmaStore
import Testing

@Suite("sigmactl history and verify")
struct HistoryTests {
    private func kinds(_ server: Server, _ arguments: String...) -> [String?] {
        let written = Written()
        #expect(server.run(["history", "--json"] + arguments, written) == 0)
        return written.lines.map { line in
            let row = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return (row?["body"] as? [String: Any])?["kind"] as? String
        }
    }

    private let all = [
        "room_created", "room_created", "published", "viewer_joined", "viewer_joined", "publisher_connected",
        "publisher_live", "viewer_connected", "viewer_left", "room_ended",
    ]

    @Test func `the newest rows that match, the oldest of them first`() async throws {
        try await Server.with { server in
            #expect(kinds(server) == all)
            #expect(kinds(server, "--limit", "0") == all)
            #expect(kinds(server, "--limit", "0", "--reverse") == all.reversed())
            #expect(kinds(server, "--limit", "2") == ["viewer_left", "room_ended"])
            #expect(kinds(server, "--limit", "2", "--reverse") == ["room_ended", "viewer_left"])
            #expect(kinds(server, "--session", "2") == ["viewer_joined", "viewer_connected"])
            #expect(kinds(server, "--room", "7000") == ["room_created", "room_ended"])
            #expect(kinds(server, "--room", "99") == [])
            #expect(
                kinds(server, "--kind", "published", "--kind", "room_ended") == [
                    "published", "room_ended",
                ])
            #expect(
                kinds(server, "--since", "2026-11-21 15:20:05", "--until", "2026-11-21T14:20:07Z")
                    == ["publisher_live", "viewer_connected"])
            #expect(server.run("history", "--room", "nowhere").status == 1)
            #expect(
                server.run("history", "--limit", "3").written.complaints == [
                    "sigmactl: these are the newest 3 rows; --limit 0 shows all"
                ])
        }
    }

    @Test func `a row in JSON has the octets that were hashed`() async throws {
        try await Server.with { server in
            var last = AuditHead.origin
            for (line, record) in zip(server.run("history", "--json").written.lines, try server.records()) {
                #expect(
                    line
                        == #"{"seq":\#(record.sequence),"body":\#(record.body),"hash":"\#(record.hash.hexadecimal)"}"#
                )
                #expect(last.hash(ofNext: record.body) == record.hash)
                last = AuditHead(sequence: record.sequence, hash: record.hash)
            }
        }
    }

    @Test func `rows are written as CSV with the times of UTC`() async throws {
        try await Server.with { server in
            let output = server.run("history", "--csv", "--limit", "1").written.output
            let head = try #require(try server.records().last)
            #expect(
                output == "seq,time,kind,room,session,body,hash\r\n"
                    + "10,2026-11-21T14:20:08.000Z,room_ended,8,,\"\(head.body.replacing("\"", with: "\"\""))\","
                    + "\(head.hash.hexadecimal)\r\n")
        }
    }

    @Test func `a whole chain is 0, with the head as an anchor for later`() async throws {
        try await Server.with { server in
            let whole = server.run("verify", "--offline")
            let head = try #require(try server.records().last)
            #expect(whole.status == 0)
            #expect(
                whole.written.lines == [
                    "10 rows, 1 to 10", "audit head 10 \(head.hash.hexadecimal)", "0 anchors compared",
                    "whole",
                ])
            let unasked = server.run("verify")
            #expect(unasked.status == 2)
            #expect(unasked.written.lines.last == "whole")
            #expect(unasked.written.complaints.count == 1)
            #expect(
                unasked.written.complaints[0].hasSuffix(
                    "its anchor was not compared (--offline does without)"))
        }
    }

    @Test(arguments: [
        (
            "UPDATE room_event SET body = replace(body, 'studio', 'secret') WHERE seq = 1",
            "broken: row 1 was altered"
        ),
        ("UPDATE room_event SET body = '{}' WHERE seq = 4", "broken: row 4 "),
        ("DELETE FROM room_event WHERE seq = 4", "broken: row 4 is missing: row 5 stands"),
        (
            "DELETE FROM room_event WHERE seq >= 9",
            "broken: the end is cut off: row 8 is the last one, and row 10"
        ),
        ("DELETE FROM room_event", "broken: all rows are gone"),
    ])
    func `a broken chain is 1, and the first bad row is named`(_ sql: String, _ verdict: String) async throws
    {
        try await Server.with { server in
            let head = try #require(server.run("verify", "--offline").written.lines.dropFirst().first)
            try server.tamper(sql)
            let broken = server.run("verify", "--offline", "--anchors", "-", input: "media: \(head)\n")
            #expect(broken.status == 1)
            #expect(broken.written.lines.last?.hasPrefix(verdict) == true, "\(broken.written.lines)")
            #expect(broken.written.lines.allSatisfy { !$0.hasPrefix("audit head") })
        }
    }

    @Test func `a chain that was computed again is found by an anchor alone`() async throws {
        try await Server.with { server in
            let wrong = String(repeating: "00", count: 32)
            let head = try server.head
            #expect(server.run("verify", "--offline", "--anchor", "10:\(head)").status == 0)
            let found = server.run("verify", "--offline", "--anchor", "4:\(wrong)")
            #expect(found.status == 1)
            #expect(
                found.written.lines.last?.hasPrefix("broken: row 4 is not the one that was anchored") == true)
            let none = server.run("verify", "--offline", "--anchors", "-", input: "nothing\n")
            #expect(
                none.status == 0 && none.written.complaints == ["sigmactl: standard input names no anchor"])
        }
    }
}

extension Server {
    func records() throws -> [AuditRecord] {
        var records: [AuditRecord] = []
        try StoreReader(path: database).history(HistoryFilter()) { records.append($0) }
        return records
    }

    var head: String { get throws { try records().last?.hash.hexadecimal ?? "" } }
}
