import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SigmaSettings

/// Serves one request of a connection: who it is from, what it may, its answer and what follows from that.
struct HTTPExchange: Sendable {
    let responder: Responder
    let origin: ClientOrigin
    let registry: ConnectionRegistry

    func serve(
        _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel
    ) async throws {
        registry.setIdle(channel, false)
        channel.triggerUserOutboundEvent(RequestProgress.began, promise: nil)
        var isStream = false
        defer {
            if !isStream {
                channel.triggerUserOutboundEvent(RequestProgress.answered, promise: nil)
                registry.setIdle(channel, true)
            }
        }
        // RFC 9110 §10.1.1; NIO leaves it to us.
        let expects = request.headers[.expect]?.lowercased() == "100-continue"
        let isExpected = expects ? await responder.wouldRead(request) : false
        if isExpected { try await writer.writeInformationalHead(HTTPResponse(status: .continue)) }
        // The decoder reads no further then, and would keep what comes.
        let isUpgrade = request.headers[.upgrade] != nil || request.method == .connect
        // Nothing is read behind the request of a stream, whatever else the client would like.
        let leavesHTTP = isUpgrade && !responder.mayStream(request)
        if leavesHTTP { channel.triggerUserOutboundEvent(RequestProgress.leavesHTTP, promise: nil) }
        var response: Response
        switch await answer(to: request, from: client(channel, request), channel) {
        case .response(let whole): response = whole
        case .stream(let stream):
            isStream = true
            try await begin(stream, channel)
        }
        response.headers[.date] = HTTPDate.now
        if leavesHTTP || expects != isExpected || response.headers[.connection] == "close"
            || response.status == .contentTooLarge
        {
            // The rest of the body is of no use: time for the answer to arrive, then the end.
            response.headers[.connection] = "close"
            channel.eventLoop.scheduleTask(in: ConnectionGuard.linger) { channel.close(promise: nil) }
        }
        channel.triggerUserOutboundEvent(RequestProgress.answering, promise: nil)
        do {
            try await writer.write(response: response.head, body: response.body)
        } catch {
            // Who opened a session and never heard of it would meet it when trying again.
            await responder.undo(response)
            throw error
        }
    }

    /// A connection of a proxy is many clients': what each of them has under way counts as its connections.
    private func answer(
        to request: Request, from client: ClientConnection, _ channel: any Channel
    ) async -> Answer {
        guard client.isThroughProxy else { return await responder.respond(to: request, from: client) }
        guard registry.beginRequest(from: client.limitedAddress) else {
            return .response(responder.refuse(request, .tooManyConnections))
        }
        let answer = await responder.respond(to: request, from: client)
        if case .stream = answer {
            // Under way until it ends.
            channel.closeFuture.whenComplete { _ in registry.endRequest(from: client.limitedAddress) }
        } else {
            registry.endRequest(from: client.limitedAddress)
        }
        return answer
    }

    /// Gives the connection over to a stream.
    private func begin(_ stream: StreamAnswer, _ channel: any Channel) async throws -> Never {
        var stream = stream
        stream.head.headers[.date] = HTTPDate.now
        channel.triggerUserOutboundEvent(RequestProgress.streaming, promise: nil)
        try await stream.begin(on: channel)
        // Told before there was anybody to tell.
        if registry.isQuiescing || !registry.isWhole(channel) {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        throw StreamAnswer.HasBegun()
    }

    private func client(_ channel: any Channel, _ request: Request) -> ClientConnection {
        let peer = channel.remoteAddress.flatMap { IPAddress($0) }
        let client = peer.map {
            origin.client(
                peer: $0, forwardedFor: request.headers[values: .xForwardedFor],
                forwarded: request.headers[values: .forwarded])
        }
        return ClientConnection(
            localAddress: channel.localAddress.flatMap { IPAddress($0) },
            address: client ?? peer, userAgent: request.headers[.userAgent] ?? "",
            isThroughProxy: peer.map { origin.isProxy($0) } ?? false,
            limitedAddress: client.flatMap { origin.limited($0) },
            isConnected: { channel.isActive && registry.isWhole(channel) })
    }
}

extension IPAddress {
    /// - Returns: `nil` for a socket that is not of the internet.
    init?(_ address: SocketAddress) {
        let octets = address.withSockAddr { Array(UnsafeRawBufferPointer(start: $0, count: $1)) }
        // Where sockaddr_in and sockaddr_in6 have the address (ip(7), ipv6(7)).
        switch address {
        case .v4: self.init(octets: octets[4..<8])
        case .v6: self.init(octets: octets[8..<24])
        case .unixDomainSocket: return nil
        }
    }
}
