import Foundation
import SigmaStore
import Testing

@Suite("Store: personal data that is erased")
struct ErasureTests {
    private static let count = 400

    @Test func `leaves no address in any file once it is acknowledged`() async throws {
        try await StoreFixture.with { fixture in
            try await Self.join(fixture, 1...Self.count)
            let order = (1...Int64(Self.count)).shuffled()
            for session in order.dropLast(40) {
                let erased = try await fixture.store.submit { try $0.eraseClient(of: session, by: "uid 0") }
                    .value()
                #expect(erased)
            }
            let kept = Set(order.suffix(40).map { Self.address($0) })
            #expect(try Self.addresses(in: fixture.folder) == kept)
            let now = fixture.pass(milliseconds: 1)
            #expect(try await fixture.store.submit { try $0.eraseClients(before: now) }.value() == 40)
            #expect(try Self.addresses(in: fixture.folder) == [])
            #expect(try fixture.reader().verify(anchors: []).fault == nil)
        }
    }

    @Test func `is gone after the next commit where somebody was reading`() async throws {
        try await StoreFixture.with { fixture in
            try await Self.join(fixture, 1...3)
            let reader = try fixture.reader()
            try await fixture.store.submit { try $0.kick(1, room: 1, by: "uid 0") }.value()
            // Somebody reads a history that is long, and rows are erased meanwhile.
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                Thread.detachNewThread {
                    done.resume(with: Result { try Self.erase(fixture, while: reader) })
                }
            }
            try await fixture.store.submit { try $0.kick(1, room: 1, by: "uid 0") }.value()
            #expect(try Self.addresses(in: fixture.folder) == [])
        }
    }

    @Test func `goes with its session, however long clients are to be kept`() async throws {
        try await StoreFixture.with { fixture in
            try await Self.join(fixture, 1...20)
            try await fixture.store.submit { try $0.endSessions(besides: [], reason: "gone") }.value()
            fixture.pass(milliseconds: 1)
            try await fixture.store.retain(history: fixture.now, clients: nil)
            #expect(try await fixture.store.sessions(SessionFilter()).isEmpty)
            #expect(try Self.addresses(in: fixture.folder) == [])
        }
    }

    /// Erases while a read transaction is open, which keeps the log as it is.
    private static func erase(_ fixture: StoreFixture, while reader: StoreReader) throws {
        let isErased = DispatchSemaphore(value: 0)
        try reader.history(HistoryFilter()) { record in
            guard record.sequence == 1 else { return }
            Task {
                _ = try? await fixture.store.submit { try $0.eraseClients(before: .max) }.value()
                isErased.signal()
            }
            isErased.wait()
        }
    }

    private static func join(_ fixture: StoreFixture, _ sessions: ClosedRange<Int>) async throws {
        for number in sessions {
            var session = NewSession.viewer(numbered: number, in: 1)
            session.client = ClientData(address: address(Int64(number)), userAgent: "an agent")
            _ = try await fixture.store.submit { [session] in try $0.open(session) }.value()
        }
    }

    private static func address(_ session: Int64) -> String { "<2001:db8::\(session)>" }

    /// All addresses that any of the files has, wherever.
    private static func addresses(in folder: URL) throws -> Set<String> {
        var found: Set<String> = []
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            let octets = String(decoding: try Data(contentsOf: file), as: Unicode.ASCII.self)
            for match in octets.matches(of: /<2001:db8::[0-9]+>/) { found.insert(String(match.output)) }
        }
        return found
    }
}
