import SigmaLoad
import SigmaPeer
import Testing

@Suite("LoadOptions and what stands in URLs")
struct OptionTests {
    private func mistake(_ arguments: String...) -> String? {
        guard case .mistake(let line) = LoadOptions.parse(arguments) else { return nil }
        return line
    }

    private func options(_ arguments: String...) -> LoadOptions? {
        guard case .run(let options) = LoadOptions.parse(["--whep", "http://h/whep/1"] + arguments) else {
            return nil
        }
        return options
    }

    @Test(arguments: [
        ["--viewers", "-1"], ["--viewers"], ["--seconds", "0"], ["--bitrate", "fast"], ["--pacing", "slow"],
        ["--cut", "odd"], ["--sample", "1/0"], ["--sample", "-1"], ["--pid", "x"], ["--rate", "nan"],
        ["--unknown", "1"], ["--whip", "https://h/"], ["--rooms", "2"],
    ])
    func `a wrong value is one line that names the option`(arguments: [String]) {
        guard case .mistake(let line) = LoadOptions.parse(["--whep", "http://h/"] + arguments) else {
            Issue.record("\(arguments) is taken")
            return
        }
        #expect(line.contains(arguments[0]))
        #expect(!line.contains("\n"))
    }

    @Test func `something to do is needed`() { #expect(mistake()?.contains("--whep") == true) }

    @Test func `samples are a number, a share or all`() {
        #expect(options()?.sample == .count(4))
        #expect(options("--sample", "all")?.sample.contains(1000) == true)
        let every = options("--sample", "1/3")?.sample
        #expect((0..<7).filter { every?.contains($0) == true } == [0, 3, 6])
        let first = options("--sample", "2")?.sample
        #expect((0..<7).filter { first?.contains($0) == true } == [0, 1])
    }

    @Test func `the bench's names are taken`() {
        let options = options("--shape", "paced", "--server-pid", "7", "--server-pid", "8", "--joins", "9")
        #expect(options?.pacing == .paced)
        #expect(options?.pids == [7, 8])
        #expect(options?.joinLimit == 9)
        #expect(self.options("--connect-only", "100")?.viewers == 0)
    }

    @Test func `a room's number goes where the braces are`() {
        #expect(HTTPURL("http://h:1/whip/load-{}?a={}")?.room(12).target == "/whip/load-12?a=12")
        #expect(HTTPURL("http://h:1/whip/x")?.room(12).target == "/whip/x")
    }

    @Test(arguments: [
        ("/whep/session/1", "/whep/session/1"), ("http://o:81/x", "/x"), ("s/1", "/live/s/1"),
    ])
    func `a Location is absolute, rooted or relative (RFC 3986 §5.2)`(location: String, target: String) {
        #expect(HTTPURL("http://h/live/whep?q")?.resolve(location)?.target == target)
    }

    @Test func `JSON is what RFC 8259 asks for`() {
        let value = JSON.object([
            .init("a", .number(1.5, digits: 2)), .init("b", .number(-0.05, digits: 1)),
            .init("c", .number(1e300, digits: 3)), .init("d", .number(.nan, digits: 1)),
            .init("e", .text("say \"\\\"\n")), .init("f", .array([.null, .bool(true), .count(-3)])),
            .init("g", .number(12.004, digits: 3)),
        ])
        let expected =
            #"{"a":1.5,"b":-0.1,"c":null,"d":null,"e":"say \"\\\" ","f":[null,true,-3],"g":12.004}"#
        #expect(value.text == expected)
    }
}
