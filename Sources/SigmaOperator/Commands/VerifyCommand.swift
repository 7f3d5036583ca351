import ArgumentParser
import SigmaControl
import SigmaStore
import SigmaSystem

struct VerifyCommand: OperatorSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that nobody has changed the audit.",
        discussion: """
            Each row of the audit has a hash over itself and the row before, so a row that was altered, removed or put \
            in is found by walking the chain. A chain that was computed again as a whole, or whose end was cut off, \
            is found by anchors only: places of the chain that were noted where sigma-signal cannot change them. \
            sigma-media keeps the newest one and names one a minute in its log; the line "audit head" of this command, \
            kept elsewhere, is one too.

            Anchors below the row that the chain begins after, once old rows were pruned, say nothing any more.

            Exit status: 0 whole, 1 broken, 2 the database cannot be read, or sigma-media not be asked (--offline does \
            without).

            Examples:
              sigmactl verify
              journalctl -u sigma-media | sigmactl verify --anchors -
              sigmactl verify --offline --database /var/backups/sigma.sqlite --anchors heads.txt
            """)

    @Option(
        help: ArgumentHelp("Compare with this anchor; may be given more than once.", valueName: "seq:hash"))
    var anchor: [String] = []

    @Option(
        help: ArgumentHelp(
            "Compare with all in this file, in lines that contain \"audit head SEQ HASH\"; -: standard input.",
            valueName: "file"), completion: .file())
    var anchors: [String] = []

    @Flag(help: "Do not ask sigma-media for its anchor.")
    var offline = false

    @OptionGroup var places: Places

    func validate() throws {
        for text in anchor where GivenAnchors.anchor(text) == nil {
            throw ValidationError(
                "--anchor '\(text)' is no anchor; use SEQ:HASH, the hash in 64 hexadecimal digits.")
        }
    }

    func run(in context: OperatorContext) throws(OperatorError) {
        let given = try given(in: context)
        let database = try places.database(in: context)
        // Asked before the chain is read: what it names is then there.
        var unreachable: OperatorError?
        var kept: AuditHead?
        do { kept = offline ? nil : try anchorOfMedia(in: context) } catch { unreachable = error }
        let verification = try database.verify(given + (kept.map { [$0] } ?? []))
        show(verification, given: given, kept: kept, in: context)
        if verification.fault != nil { throw .broken }
        guard case .unreachable(let line)? = unreachable else { return }
        throw .unreachable("\(line); its anchor was not compared (--offline does without)")
    }

    /// Those of the command line, each once.
    private func given(in context: OperatorContext) throws(OperatorError) -> [AuditHead] {
        var heads = anchor.compactMap { GivenAnchors.anchor($0) }
        for path in anchors {
            let octets: [UInt8]
            if path == "-" {
                octets = try context.input()
            } else {
                do { octets = try Files.octets(of: path, limit: .max) } catch {
                    throw .misuse("--anchors \(path) cannot be read: \(error)")
                }
            }
            let found = GivenAnchors.anchors(in: octets)
            if found.isEmpty { context.note("\(path == "-" ? "standard input" : path) names no anchor") }
            heads += found
        }
        return heads.reduce(into: [:]) { $0["\($1.sequence) \($1.hash.hexadecimal)"] = $1 }.values
            .sorted { $0.sequence < $1.sequence }
    }

    private func anchorOfMedia(in context: OperatorContext) throws(OperatorError) -> AuditHead? {
        let hello = try places.media(in: context).hello
        guard hello.hasAnchor else {
            context.note("sigma-media has been told no anchor since it started")
            return nil
        }
        return AuditHead(sequence: Int64(clamping: hello.anchor.sequence), hash: Array(hello.anchor.hash))
    }

    private func show(
        _ verification: Verification, given: [AuditHead], kept: AuditHead?, in context: OperatorContext
    ) {
        let (first, head) = (verification.checkpoint.sequence, verification.head)
        let isWhole = verification.fault == nil
        context.write(
            line: verification.rows == 0
                ? "no rows\(first > 0 ? " after the checkpoint at \(first)" : "")"
                : "\(Quantity.count(verification.rows, "row"))\(isWhole ? "" : " that are right"), \(first + 1) to \(head.sequence)"
                    + (first > 0 ? "; older ones were pruned" : ""))
        if isWhole { context.write(line: "audit head \(head.sequence) \(head.hash.hexadecimal)") }
        let old = (given + (kept.map { [$0] } ?? [])).count { $0.sequence < first }
        var compared = "\(Quantity.count(verification.anchors, "anchor")) compared"
        if kept != nil { compared += ", sigma-media's among them" }
        if old > 0 { compared += "; \(old) of pruned rows left out" }
        if isWhole { context.write(line: compared) }
        context.write(
            line: verification.fault.map { "\(context.style.bad("broken")): \($0.text)" }
                ?? context.style.good("whole"))
    }
}
