import Glibc
import SigmaSystem

/// Where HTTP connections of one run go: the host's addresses, asked for once.
struct HTTPEndpoint {
    private let address: [UInt8]
    private let family: Int32

    /// - Throws: ``HTTPError`` when the name has no address.
    init(_ url: HTTPURL) throws(HTTPError) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(url.host, url.port, &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard result == 0, let entry = found?.pointee, let name = entry.ai_addr else {
            throw HTTPError(description: "\(url.host): \(String(cString: gai_strerror(result)))")
        }
        family = entry.ai_family
        address = Array(UnsafeRawBufferPointer(start: name, count: Int(entry.ai_addrlen)))
    }

    /// A connection under way.
    fileprivate func connect() throws(SystemError) -> Descriptor {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let number = socket(family, kind, 0)
        guard number >= 0 else { throw SystemError(call: "socket", code: errno) }
        let descriptor = Descriptor(owning: number)
        let result = address.withUnsafeBytes { octets in
            Glibc.connect(
                number, octets.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(octets.count))
        }
        guard result == 0 || errno == EINPROGRESS else { throw SystemError(call: "connect", code: errno) }
        return descriptor
    }
}

/// One request on a connection of its own, as a client that comes for the first time has it; never blocks.
///
/// ```
///  sending ──all written──▶ receiving ──answer whole──▶ done
/// ```
final class HTTPExchange {
    private let descriptor: Descriptor
    private let authority: String
    private var unsent: ArraySlice<UInt8>
    private var received: [UInt8] = []
    private static let limit = 1 << 20

    enum Progress {
        case sending, receiving
        case done(HTTPResponse)
        case failed(HTTPError)
    }

    /// Connects, and will send as soon as that is done.
    init(
        _ method: String, _ url: HTTPURL, at endpoint: HTTPEndpoint, token: String?,
        contentType: String? = nil, body: String = ""
    ) throws(SystemError) {
        var lines = [
            "\(method) \(url.target) HTTP/1.1", "Host: \(url.authority)", "Connection: close",
            "Content-Length: \(body.utf8.count)", "User-Agent: sigma-load",
        ]
        if let token { lines.append("Authorization: Bearer \(token)") }
        if let contentType { lines.append("Content-Type: \(contentType)") }
        unsent = Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)[...]
        authority = url.authority
        descriptor = try endpoint.connect()
    }

    var number: Int32 { descriptor.number }

    /// Goes on as far as the connection lets it; call it when the descriptor is ready.
    func advance() -> Progress {
        do throws(SystemError) {
            while !unsent.isEmpty {
                guard case .octets(let count) = try descriptor.write(unsent) else { return .sending }
                unsent = unsent.dropFirst(count)
            }
            return try receive()
        } catch {
            return .failed(HTTPError(description: "\(authority): \(error)"))
        }
    }

    private func receive() throws(SystemError) -> Progress {
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
            let transfer = try descriptor.read(into: &buffer)
            if case .octets(let count) = transfer { received += buffer[..<count] }
            do throws(HTTPError) {
                if let response = try HTTPResponse.parse(received, isEnd: transfer == .end) {
                    return .done(response)
                }
                guard received.count <= Self.limit else {
                    throw HTTPError(description: "the answer is longer than 1 MiB")
                }
            } catch {
                return .failed(HTTPError(description: "\(authority): \(error)"))
            }
            if transfer == .wouldBlock { return .receiving }
        }
    }
}
