import ArgumentParser
import FoundationEssentials
import SigmaControl
import SigmaStore

struct StatsCommand: OperatorSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Show what sigma-media counts.",
        discussion: """
            Without SESSION, a line for each session and the counters of the process that are not 0. Lost packets are \
            those that a publisher's sequence numbers miss, or that a viewer reports; resent are those recovered from \
            a publisher, or sent again to a viewer; dropped were not sent to a viewer, since sending did not keep up.

            --json writes one object with time (Unix ns), counters and sessions, named as in schema/control.proto, with \
            number and id_hash instead of the id, which is a secret.

            Examples:
              sigmactl stats
              sigmactl stats 1042
              sigmactl stats --json | jq '.counters.rtp_forwarded'
            """)

    @Argument(help: "The number of a session: all about it and its tracks.")
    var session: String?

    @Flag(help: "One JSON object.")
    var json = false

    @OptionGroup var places: Places

    func run(in context: OperatorContext) throws(OperatorError) {
        let media = try places.media(in: context)
        let reach = try Reach(media, places, in: context)
        var known = try reach.sessions(in: nil).filter { $0.live != nil }
        if let session {
            known = known.filter { $0.isCalled(session) }
            guard known.count == 1 else { throw .notFound("sigma-media has no session \(session)") }
        }
        let statistics = try media.statistics(of: session == nil ? [] : known.compactMap(\.live?.sessionID))
        let report = StatisticsReport(statistics, known, names: try RoomNames(reach.database), context)
        if json {
            context.write(json: report.json)
        } else if session != nil {
            guard let text = report.detail else { throw .notFound("the session has just ended") }
            context.output.write(text)
        } else {
            context.output.write(report.overview)
        }
    }
}
