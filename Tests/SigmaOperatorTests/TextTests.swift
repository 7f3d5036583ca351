import SigmaOperator
import SigmaStore
import Testing

@Suite("sigmactl: text for people and programs")
struct TextTests {
    @Test(
        arguments: [
            (0, "0s"), (99, "0s"), (400, "0.4s"), (1_000, "1s"), (59_999, "59s"), (60_000, "1m"),
            (750_000, "12m30s"), (3_600_000, "1h"), (11_520_000, "3h12m"), (86_400_000, "1d"),
            (183_600_000, "2d3h"), (-5, "0s"), (.min, "0s"),
        ] as [(Int64, String)])
    func `durations have two units at most`(_ milliseconds: Int64, _ text: String) {
        #expect(Quantity.duration(milliseconds: milliseconds) == text)
    }

    @Test(
        arguments: [
            (0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (1_234_567, "1.2 MB"), (99_949, "99.9 kB"),
            (99_950, "100 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (1_200_000_000, "1.2 GB"),
            (.max, "18.4 EB"),
        ] as [(UInt64, String)])
    func `octets are counted in powers of 1000`(_ count: UInt64, _ text: String) {
        #expect(Quantity.octets(count) == text)
    }

    @Test(arguments: [
        ("plain", "plain"), ("a\u{1b}[31mred", "a\\u{1B}[31mred"), ("two\nlines\r\n", "two\\nlines\\r\\n"),
        ("\u{9b}2J", "\\u{009B}2J"), ("\u{202e}drow", "\\u{202E}drow"), ("\u{7f}", "\\u{7F}"),
        ("a\u{2028}b", "a\\u{2028}b"), ("Zoë 👩‍👧 日本", "Zoë 👩‍👧 日本"),
    ])
    func `nothing a stranger wrote acts on the terminal`(_ text: String, _ shown: String) {
        let printed = Printable.text(text)
        #expect(printed.lowercased() == shown.lowercased())
        #expect(printed.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) })
    }

    @Test func `text is cut by the columns it takes`() {
        #expect(Printable.width(of: "日本") == 4)
        #expect(Printable.width(of: "e\u{301}👩‍👧") == 3)
        #expect(Printable.cut("abcdef", to: 6) == "abcdef")
        #expect(Printable.cut("abcdefg", to: 6) == "abcde…")
        #expect(Printable.cut("日本語", to: 4) == "日…")
    }

    @Test func `fields with commas, quotes and ends of lines are quoted (RFC 4180 §2)`() {
        #expect(CSV.line(["a", "b c", ""]) == "a,b c,\r\n")
        #expect(CSV.line(["1,5", "say \"hi\"", "x\r\ny"]) == "\"1,5\",\"say \"\"hi\"\"\",\"x\r\ny\"\r\n")
    }

    @Test func `strings are escaped, members keep their order (RFC 8259 §7)`() {
        let value = JSONText.object([
            ("z", .text("\"\\\n\u{9b}\u{e0001}é")),
            ("a", .list([.null, .flag(true), .integer(-1), .count(.max)])),
        ])
        #expect(
            value.rendered
                == #"{"z":"\"\\\u000a\u009b\udb40\udc01é","a":[null,true,-1,18446744073709551615]}"#)
        #expect(JSONText.withoutControls("{\"a\":\"\u{9b}é\"}") == #"{"a":"\u009bé"}"#)
    }

    @Test func `a body is told in a few words`() throws {
        let left = try #require(
            AuditBody(
                """
                {"seq":9,"time":1,"kind":"viewer_left","room":7,"session":3,"reason":"kicked","duration":11520000,\
                "octets_sent":1200000000,"octets_received":10,"journal":"00","number":4,"by":"uid 0"}
                """))
        #expect(left.details == "kicked, after 3h12m, 1.2 GB sent, 10 B received, by uid 0")
        let track = try #require(
            AuditBody(#"{"media":"video","codec":"h264","width":1280,"height":720,"new":[1]}"#))
        #expect(track.details == "video, h264, 1280x720, new=…")
        #expect(AuditBody("[]") == nil && AuditBody("{") == nil)
    }
}

@Suite("sigmactl: times")
struct TimeTests {
    private let berlin = LocalTime { $0 < 1_774_746_000 || $0 >= 1_792_890_000 ? 3_600 : 7_200 }
    private let now: Int64 = 1_795_271_400_000

    @Test func `times are those of the clock on the wall`() {
        #expect(berlin.text(1_795_271_400_999) == "2026-11-21 15:30:00")
        #expect(berlin.text(1_782_864_000_000) == "2026-07-01 02:00:00")
        #expect(LocalTime.utc(1_795_271_400_007) == "2026-11-21T14:30:00.007Z")
        #expect(LocalTime.utc(-1) == "1969-12-31T23:59:59.999Z")
    }

    @Test func `any time that a row may claim can be shown`() {
        #expect(LocalTime.utc(.max) == "9999-12-31T23:59:59.999Z")
        #expect(LocalTime.utc(.min).hasSuffix(":00.001Z"))
        #expect(!berlin.text(.max).isEmpty && !berlin.text(.min).isEmpty)
    }

    @Test(
        arguments: [
            ("2026-11-21", 1_795_215_600_000), ("2026-11-21 15:30", 1_795_271_400_000),
            ("2026-11-21T15:30:05", 1_795_271_405_000), ("2026-11-21T15:30:05Z", 1_795_275_005_000),
            ("2026-11-21T15:30:05+05:30", 1_795_255_205_000), ("2026-07-01T02:00", 1_782_864_000_000),
            ("90s", 1_795_271_310_000), ("2h", 1_795_264_200_000), ("7d", 1_794_666_600_000),
        ] as [(String, Int64)])
    func `times are read as people write them`(_ text: String, _ time: Int64) {
        #expect(berlin.parse(text, now: now) == time)
    }

    @Test(arguments: [
        "", "yesterday", "2026-02-29", "2026-13-01", "2026-11-21 24:00", "2026-11-21T15", "2026-11-21Z", "h",
        "-2h",
        "99999999999999999h", "2026-11-21 15:30 x", "12026-11-21", "0000-01-01",
    ])
    func `what is no time is none`(_ text: String) {
        #expect(berlin.parse(text, now: now) == nil)
    }

    @Test func `a date read is the date shown, for 400 years`() {
        let utc = LocalTime { _ in 0 }
        for day in stride(from: -12_000 as Int64, to: 146_097, by: 13) {
            let text = String(utc.text(day * 86_400_000).prefix(10))
            #expect(utc.parse(text, now: 0) == day * 86_400_000)
        }
    }
}

@Suite("sigmactl: anchors")
struct AnchorTests {
    private let hash = String(repeating: "0aF", count: 21) + "1"

    @Test func `anchors are found in lines of the journal, whatever stands around them`() {
        let text = """
            Nov 21 15:30:00 host sigma-media[12]: audit head 12 \(hash)
            <6>audit head 7 \(hash)\r
            audit head 8 \(hash) and more
            aaudit head 9 \(hash)0
            audit head x \(hash)
            audit head 99999999999999999999 \(hash)
            audit head
            other
            """
        let anchors = GivenAnchors.anchors(in: Array(text.utf8) + [0xff, 0x0a])
        #expect(anchors.map(\.sequence) == [12, 7, 8])
        #expect(anchors.allSatisfy { $0.hash.count == 32 && $0.hash.first == 0x0a })
    }

    @Test func `an anchor on the command line is SEQ and HASH`() {
        #expect(GivenAnchors.anchor("5:\(hash)")?.sequence == 5)
        for text in [
            "5", "5:", ":\(hash)", "5:\(hash)0", "-5:\(hash)", "5:\(hash):", "5:" + hash.dropLast() + "g",
        ] {
            #expect(GivenAnchors.anchor(text) == nil)
        }
    }
}
