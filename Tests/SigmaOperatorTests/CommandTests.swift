import Foundation
import SigmaOperator
import SigmaStore
import Testing

@Suite("sigmactl: what the commands show")
struct CommandTests {
    @Test func `rooms are listed, ended ones when asked for`() async throws {
        try await Server.with { server in
            let open = server.run("rooms")
            #expect(open.status == 0)
            #expect(open.written.lines.count == 2)
            #expect(open.written.lines[0].hasPrefix("NAME    NUMBER  PUBLISHER  WATCHING  KEYS"))
            #expect(
                open.written.lines[1].hasPrefix(
                    "studio       7  1                 1  publish  2026-11-21 15:20:00"))
            #expect(server.run("rooms", "--all").written.lines.count == 3)
        }
    }

    @Test func `nothing that strangers wrote reaches a terminal as it is, in any command`() async throws {
        try await Server.with { server in
            for arguments in [
                ["rooms"], ["rooms", "--json"], ["room", "show", "studio"], ["sessions"],
                ["sessions", "--json"],
                ["sessions", "--all"], ["history"], ["history", "--json"], ["history", "--csv"],
            ] {
                for columns in [40, 200, 100_000] {
                    let written = Written()
                    let status = server.run(arguments, written, columns: columns)
                    let kept = written.output.unicodeScalars.filter {
                        $0.properties.generalCategory == .control || $0.properties.generalCategory == .format
                    }
                    #expect(status == 0, "\(arguments)")
                    #expect(kept.allSatisfy { $0 == "\n" || $0 == "\r" }, "\(arguments)")
                }
            }
        }
    }

    @Test func `titles are cut to the terminal, and nowhere else`() async throws {
        try await Server.with { server in
            let written = server.run("rooms", columns: 100).written
            #expect(written.lines.allSatisfy { Printable.width(of: $0) <= 100 })
            #expect(written.lines[1].hasSuffix("…"))
            #expect(server.run("rooms").written.lines[1].hasSuffix("!"))
        }
    }

    @Test func `a room is found by name before number`() async throws {
        try await Server.with { server in
            #expect(server.run("room", "show", "studio").written.output.contains("Publish key  set\n"))
            #expect(server.run("room", "show", "7").written.output.contains("Room         studio\n"))
            #expect(server.run("room", "show", "7000").written.output.contains("Number       8\n"))
            let missing = server.run("room", "show", "nowhere")
            #expect(missing.status == 1 && missing.written.output.isEmpty)
            #expect(
                missing.written.complaints == [
                    "sigmactl: there is no room nowhere; sigmactl rooms --all lists them"
                ])
        }
    }

    @Test func `without media a room is shown as the database knows it, and one line says so`() async throws {
        try await Server.with { server in
            let shown = server.run("room", "show", "studio", "--events", "2")
            #expect(shown.status == 0)
            #expect(shown.written.complaints.count == 1)
            #expect(
                shown.written.complaints[0].contains("sigma-media is not reachable at \(server.folder.path)"))
            #expect(
                shown.written.lines.contains {
                    $0.contains("1  publisher  connected  2026-11-21 15:20:01  9m59s")
                })
            #expect(shown.written.lines.last?.contains("viewer_left") == true)
            #expect(
                shown.written.lines.last?.hasSuffix("kicked, 1.2 GB sent, 10 B received, by uid 0") == true)
        }
    }

    @Test func `sessions tell whom they are of, in columns named as in the database`() async throws {
        try await Server.with { server in
            #expect(server.run("sessions").written.lines.count == 3)
            #expect(server.run("sessions", "--all").written.lines.count == 4)
            #expect(
                server.run("sessions", "--room", "7000").written.complaints.last
                    == "sigmactl: there is no session")
            let lines = server.run("sessions", "--all", "--json").written.lines
            let last = try #require(lines.last)
            #expect(
                last.hasPrefix(
                    #"{"number":3,"id_hash":"\#(String(repeating: "03", count: 32))","room":7,"role":"viewer","#
                        + #""state":null,"opened_at":1795270803000,"connected_at":null,"ended_at":1795270807000,"#
                        + #""reason":"kicked","octets_sent":1200000000,"octets_received":10,"address":null"#))
            for line in lines {
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                #expect(object is [String: Any])
            }
        }
    }

    @Test func `a copy is whole, for its owner alone, and never in place of a file`() async throws {
        try await Server.with { server in
            let file = server.folder.appending(path: "copy.sqlite").path
            let made = server.run("backup", file)
            #expect(made.status == 0)
            #expect(made.written.lines[0] == "\(file): 10 rows of history")
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let heads = server.run("verify", "--offline", "--anchors", "-", input: made.written.output)
            #expect(heads.status == 0 && heads.written.lines.contains("1 anchor compared"))
            #expect(server.run("backup", file).status == 64)
            #expect(server.run("backup", "/nowhere/copy").status == 2)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: server.folder.path).filter {
                    $0.hasPrefix("copy")
                } == ["copy.sqlite"])
        }
    }
}

@Suite("sigmactl: statuses for scripts")
struct StatusTests {
    @Test(arguments: [
        ["rooms", "--nonsense"], ["nonsense"], ["kick"], ["kick", "1", "--room", "studio"],
        ["history", "--json", "--csv"], ["history", "--follow", "--reverse"],
        ["history", "--kind", "nonsense"],
        ["history", "--limit", "-1"], ["history", "--since", "yesterday"], ["verify", "--anchor", "1:00"],
        ["verify", "--anchors", "/nowhere"], ["room", "show"], ["sessions", "--limit", "0"],
    ])
    func `misuse is 64 (EX_USAGE), and says nothing on standard output`(_ arguments: [String]) async throws {
        try await Server.with { server in
            let written = Written()
            #expect(server.run(arguments, written) == 64)
            #expect(written.output.isEmpty && !written.complaints.isEmpty)
        }
    }

    @Test(arguments: [["--help"], ["--version"], ["verify", "--help"], ["help", "history"], ["room"], []])
    func `help is 0, and on standard output`(_ arguments: [String]) async throws {
        try await Server.with { server in
            let written = Written()
            #expect(server.run(arguments, written) == 0)
            #expect(!written.output.isEmpty && written.complaints.isEmpty)
        }
    }

    @Test func `what cannot be reached is 2, and one line says what to set`() async throws {
        try await Server.with { server in
            for arguments in [["kick", "1"], ["stats"]] {
                let written = Written()
                #expect(server.run(arguments, written) == 2)
                #expect(written.complaints.count == 1 && written.complaints[0].contains("SIGMA_RUNTIME_DIR"))
            }
            for command in ["rooms", "history", "verify"] {
                let lost = server.run(command, "--database", "/nowhere/sigma.sqlite")
                #expect(lost.status == 2)
                #expect(lost.written.complaints.count == 1)
                #expect(lost.written.complaints[0].contains("/nowhere/sigma.sqlite; set SIGMA_DATABASE"))
            }
            let unset = server.run("rooms", environment: ["SIGMA_DATABASE": "", "SIGMA_RUNTIME_DIR": ""])
            #expect(unset.status == 2)
            #expect(
                unset.written.complaints[0].hasSuffix(
                    "SIGMA_DATABASE=.sigma/sigma.sqlite SIGMA_RUNTIME_DIR=.sigma/run"))
            #expect(server.run("sessions", "--database", "/nowhere").status == 2)
        }
    }

    @Test func `a file that is no database is 2`() async throws {
        try await Server.with { server in
            let file = server.folder.appending(path: "text").path
            try Data(String(repeating: "no database ", count: 400).utf8).write(to: URL(filePath: file))
            let status = server.run("rooms", "--database", file)
            #expect(status.status == 2 && status.written.complaints[0].contains("is damaged, or no database"))
        }
    }
}
