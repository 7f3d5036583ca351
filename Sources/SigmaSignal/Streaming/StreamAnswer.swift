import HTTPTypes
import Hummingbird
import NIOCore

/// What becomes of a request.
enum Answer: Sendable {
    case response(Response)
    case stream(StreamAnswer)
}

/// An answer that goes on for as long as its client stays.
struct StreamAnswer: Sendable {
    /// Status and header fields; there is no body in it.
    var head: Response
    private let hubs: StreamHubs
    private let source: @Sendable (any EventLoop) -> any StreamSource

    /// Thrown where a request is served, so that the task of its connection ends.
    struct HasBegun: Error {}

    /// - Parameter source: Makes what the client is sent, on its event loop.
    init(hubs: StreamHubs, source: @escaping @Sendable (any EventLoop) -> any StreamSource) {
        head = Response(status: .ok, headers: EventStream.fields)
        self.hubs = hubs
        self.source = source
    }

    /// Gives the connection over to the stream.
    ///
    /// The caller throws ``HasBegun`` then: what ends the task, and would else end the connection, ends what was kept for
    /// the request.
    func begin(on channel: any Channel) async throws {
        try await channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            let guardian = try pipeline.handler(type: ConnectionGuard.self)
            let client = StreamClient(
                head: octets, hub: hubs.hub(on: channel.eventLoop), source: source(channel.eventLoop))
            try pipeline.addHandler(client, position: .after(guardian))
        }.get()
    }

    private var octets: ByteBuffer {
        var head = "HTTP/1.1 \(head.status)\r\nConnection: close\r\n"
        for field in self.head.headers where field.name != .connection && field.name != .contentLength {
            head += "\(field.name.rawName): \(field.value)\r\n"
        }
        return ByteBuffer(string: head + "\r\n")
    }
}
