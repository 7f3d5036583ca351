internal import FoundationEssentials
internal import SigmaControl
internal import SigmaCore
internal import SigmaEngine
internal import SwiftProtobuf

/// Where the answer to one request goes; a client that has gone by then gets nothing.
struct ControlReply {
    let connection: ControlConnection
    let requestID: UInt64

    /// Sessions of one page, at most 1 KiB each: well below a frame of 64 KiB.
    private static let pageLength = 56

    func send(_ body: MediaMessage.OneOf_Body) {
        connection.send(
            .with {
                $0.requestID = requestID
                $0.body = body
            })
    }

    func done() { send(.done(Done())) }
    func fail(_ error: CommandError) { send(.failure(Failure(error))) }
    func fail(_ code: FailureCode, _ detail: String) { send(.failure(Failure(code, detail))) }

    func opened(_ credentials: ICECredentials) {
        send(
            .sessionOpened(
                .with {
                    $0.localUfrag = String(decoding: credentials.ufrag, as: UTF8.self)
                    $0.localPassword = String(decoding: credentials.password, as: UTF8.self)
                }))
    }

    /// - Parameter journal: As far as it goes, the snapshot goes.
    func send(snapshot: [SessionSummary], of journal: borrowing Journal) {
        var begin = SnapshotBegin()
        begin.asOf = journal.newest
        begin.journalID = Data(journal.id)
        send(.snapshotBegin(begin))
        for page in Self.pages(snapshot) {
            send(.sessionPage(.with { $0.sessions = page.map { SessionItem($0) } }))
        }
        send(.streamEnd(StreamEnd()))
    }

    func send(_ statistics: StatisticsCollector) {
        send(
            .statisticsBegin(
                .with {
                    $0.time = statistics.time
                    $0.counters = statistics.counters
                }))
        for page in Self.pages(statistics.sessions) {
            send(.statisticsPage(.with { $0.sessions = page.map { SessionStatistics($0) } }))
        }
        send(.streamEnd(StreamEnd()))
    }

    private static func pages<Item>(_ items: [Item]) -> [ArraySlice<Item>] {
        stride(from: 0, to: items.count, by: pageLength).map {
            items[$0..<min($0 + pageLength, items.count)]
        }
    }
}
