import Foundation
import HTTPTypes
import HummingbirdTesting
import Logging
import NIOCore
import NIOPosix
import SigmaControl
import SigmaSettings
import SigmaSignal
import SigmaSystem
import Testing

/// A whole `sigma-signal` on a free loopback port, with a ``TestMedia`` that may come and go.
struct TestServer: Sendable {
    static let token = "0123456789abcdef0123456789abcdef"

    static let adminToken = "fedcba9876543210fedcba9876543210"

    let port: Int
    let adminPort: Int
    let server: SignalServer
    let directory: URL

    /// Serves while `body` runs.
    ///
    /// - Parameter media: Connected before `body` begins; `nil` for none.
    static func with(
        _ media: TestMedia?, environment: [String: String] = [:], eventFeed: EventFeed? = nil,
        _ body: @Sendable @escaping (TestServer) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(
            path: "sigma-\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        var variables = [
            "WHIP_TOKEN": token, "SIGMA_RUNTIME_DIR": directory.path,
            "SIGMA_ADMIN_TOKEN": adminToken, "SIGMA_ADMIN_ADDRESS": "127.0.0.1:0",
            "SIGMA_DATABASE": directory.appending(path: "sigma.sqlite").path,
        ]
        variables.merge(environment) { $1 }
        let settings = try SignalSettings(environment: variables)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = SignalServer(
            settings: settings, inherited: InheritedDescriptors(environment: [:]), logger: logger,
            eventFeed: eventFeed)
        try server.openStore()
        let adminPort = try #require(try await server.listenForOperators())
        let loopback = try #require(IPAddress(parsing: "127.0.0.1"))
        let port = try await server.listen(on: .address(loopback, port: 0))
        let running = Task { try await server.run(handlesSignals: false) }
        let test = TestServer(port: port, adminPort: adminPort, server: server, directory: directory)
        do {
            if let media {
                try await test.with(media: media) { try await body(test) }
            } else {
                try await body(test)
            }
        } catch {
            running.cancel()
            _ = await running.result
            throw error
        }
        running.cancel()
        _ = await running.result
    }

    /// Runs `media` while `body` runs, connected from its first line on.
    func with(media: TestMedia, _ body: @Sendable () async throws -> Void) async throws {
        let path = directory.appending(path: "control.sock").path
        let serving = Task { try await media.serve(path: path) }
        defer { serving.cancel() }
        try await eventually("media is connected") { try await send(.get, "/health").status == .ok }
        try await body()
        serving.cancel()
        _ = await serving.result
        try await eventually("media is gone") {
            (try? await send(.get, "/health"))?.status != .ok
        }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ headers: [String: String] = [:], body: String? = nil
    ) async throws -> TestClient.Response {
        try await send(to: port, method, path, headers, body)
    }

    /// Asks the admin API.
    func administer(
        _ method: HTTPRequest.Method, _ path: String, token: String? = adminToken, json: String? = nil
    ) async throws -> TestClient.Response {
        var headers = token.map { ["Authorization": "Bearer \($0)"] } ?? [:]
        if json != nil { headers["Content-Type"] = "application/json" }
        return try await send(to: adminPort, method, path, headers, json)
    }

    private func send(
        to port: Int, _ method: HTTPRequest.Method, _ path: String, _ headers: [String: String],
        _ body: String?
    ) async throws -> TestClient.Response {
        var fields = HTTPFields()
        for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
        let request = TestClient.Request(
            path, method: method, authority: "localhost", headers: fields,
            body: body.map { ByteBuffer(string: $0) })
        return try await TestClient.withClient(host: "127.0.0.1", port: port) {
            try await $0.execute(request)
        }
    }

    func publish(_ path: String = "/whip", offer: String = Offers.publisher) async throws
        -> TestClient.Response
    {
        try await send(
            .post, path, ["Authorization": "Bearer \(Self.token)", "Content-Type": "application/sdp"],
            body: offer)
    }

    func watch(_ path: String, offer: String = Offers.viewer) async throws -> TestClient.Response {
        try await send(.post, path, ["Content-Type": "application/sdp"], body: offer)
    }

    /// Sends octets as they are and reads until the server closes or `limit` octets came.
    func exchange(_ text: String, upTo limit: Int = .max) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var answer = ""
            for try await chunk in inbound {
                answer += String(buffer: chunk)
                if answer.utf8.count >= limit { break }
            }
            return answer
        }
    }

    /// Sends octets as they are and closes the connection without reading.
    func sendAndLeave(_ text: String) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
        try await channel.writeAndFlush(ByteBuffer(string: text)).get()
        try await channel.close()
    }

    struct Rooms: Decodable {
        struct Room: Decodable, Equatable {
            let id: UInt64
            let viewer_count: Int
            var name: String?
            var live: Bool?
            var width: UInt32?
            var height: UInt32?
            var advice: [Advice]?
        }
        struct Advice: Decodable, Equatable {
            let code: String
            let text: String
        }
        let rooms: [Room]
    }

    func rooms() async throws -> [Rooms.Room] {
        let response = try await send(.get, "/rooms")
        #expect(response.status == .ok)
        return try JSONDecoder().decode(Rooms.self, from: Data(response.text.utf8)).rooms
    }

    struct Problem: Decodable {
        let type: String
        let title: String
        let status: Int
        let detail: String
    }
}

extension TestClient.Response {
    var text: String { body.map { String(buffer: $0) } ?? "" }

    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { head.headerFields[$0] } }

    /// The slug of the problem document; `nil` where there is none or it does not repeat the status.
    var problem: String? {
        let prefix = "urn:sigma:problem:"
        guard header("Content-Type") == "application/problem+json",
            let problem = try? JSONDecoder().decode(TestServer.Problem.self, from: Data(text.utf8)),
            problem.status == status.code, !problem.title.isEmpty, !problem.detail.isEmpty,
            problem.type.hasPrefix(prefix)
        else { return nil }
        return String(problem.type.dropFirst(prefix.count))
    }
}

/// Waits until `condition` holds, 8 s at most.
func eventually(_ what: String, _ condition: @Sendable () async throws -> Bool) async throws {
    for _ in 0..<800 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("not in 8 s: \(what)")
}
