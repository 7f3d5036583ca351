import Glibc
import SigmaSystem

/// An `http://` URL, in the parts that a request needs.
struct HTTPURL: Equatable {
    let host: String
    let port: String
    /// Path and query, with the leading slash.
    let target: String

    /// `nil` for anything but `http://host[:port][/path]`; IPv6 in brackets.
    init?(_ text: String) {
        guard text.hasPrefix("http://") else { return nil }
        let rest = text.dropFirst(7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest.dropFirst(authority.count)
        let bracket = authority.lastIndex(of: "]")
        let colon = authority.lastIndex(of: ":").flatMap { colon in
            bracket.map { colon > $0 } ?? true ? colon : nil
        }
        let name = authority[..<(colon ?? authority.endIndex)]
        host = name.hasPrefix("[") ? String(name.dropFirst().dropLast()) : String(name)
        port = colon.map { String(authority[authority.index(after: $0)...]) } ?? "80"
        target = path.hasPrefix("/") ? String(path) : "/" + path
        guard !host.isEmpty, UInt16(port) != nil else { return nil }
    }

    private init(host: String, port: String, target: String) {
        self.host = host
        self.port = port
        self.target = target
    }

    /// What a `Location` that came from here means (RFC 3986 §5.2, as far as servers use it).
    func resolve(_ location: String) -> HTTPURL? {
        if location.hasPrefix("http://") { return HTTPURL(location) }
        if location.hasPrefix("/") { return HTTPURL(host: host, port: port, target: location) }
        let folder = target.prefix { $0 != "?" }.reversed().drop { $0 != "/" }.reversed()
        return HTTPURL(host: host, port: port, target: String(folder) + location)
    }

    var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":" + port }
}

struct HTTPResponse {
    let status: Int
    /// Names in lower case.
    let headers: [String: String]
    let body: String
}

/// Why a request has no response, in words for the operator.
struct HTTPError: Error, CustomStringConvertible {
    let description: String
}

/// One request, one connection, blocking; at most 10 s.
enum HTTPClient {
    static func send(
        _ method: String, _ url: HTTPURL, token: String? = nil, contentType: String? = nil, body: String = ""
    ) throws(HTTPError) -> HTTPResponse {
        let connection = try connect(url)
        var lines = [
            "\(method) \(url.target) HTTP/1.1", "Host: \(url.authority)", "Connection: close",
            "Content-Length: \(body.utf8.count)", "User-Agent: sigma-load",
        ]
        if let token { lines.append("Authorization: Bearer \(token)") }
        if let contentType { lines.append("Content-Type: \(contentType)") }
        try write(Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8), to: connection, url)
        return try parse(try readAll(connection, url), url)
    }

    private static func connect(_ url: HTTPURL) throws(HTTPError) -> Descriptor {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(url.host, url.port, &hints, &found)
        guard result == 0 else {
            throw HTTPError(description: "\(url.host): \(String(cString: gai_strerror(result)))")
        }
        defer { freeaddrinfo(found) }
        var next = found
        var code: Int32 = 0
        while let entry = next {
            let number = socket(entry.pointee.ai_family, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
            if number >= 0 {
                let connection = Descriptor(owning: number)
                var patience = timeval(tv_sec: 10, tv_usec: 0)
                let size = socklen_t(MemoryLayout<timeval>.size)
                setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
                setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
                if Glibc.connect(number, entry.pointee.ai_addr, entry.pointee.ai_addrlen) == 0 {
                    return connection
                }
            }
            code = errno
            next = entry.pointee.ai_next
        }
        throw HTTPError(description: "\(url.authority): \(String(cString: strerror(code)))")
    }

    private static func write(
        _ octets: [UInt8], to connection: borrowing Descriptor, _ url: HTTPURL
    ) throws(HTTPError) {
        var rest = octets[...]
        while !rest.isEmpty {
            guard case .octets(let count)? = try? connection.write(rest) else {
                throw HTTPError(description: "\(url.authority): the connection broke")
            }
            rest = rest.dropFirst(count)
        }
    }

    private static func readAll(
        _ connection: borrowing Descriptor, _ url: HTTPURL
    ) throws(HTTPError) -> [UInt8] {
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while octets.count < 1 << 20 {
            switch try? connection.read(into: &buffer) {
            case .octets(let count)?: octets += buffer[..<count]
            case .end?: return octets
            case .wouldBlock?, nil: throw HTTPError(description: "\(url.authority): no answer in 10 s")
            }
        }
        throw HTTPError(description: "\(url.authority): the answer is longer than 1 MiB")
    }

    private static func parse(_ octets: [UInt8], _ url: HTTPURL) throws(HTTPError) -> HTTPResponse {
        let end = Array("\r\n\r\n".utf8)
        let headLength = octets.indices.first { octets[$0...].starts(with: end) }
        guard let headLength else { throw HTTPError(description: "\(url.authority): not an HTTP answer") }
        let lines = String(decoding: octets[..<headLength], as: UTF8.self).split(separator: "\r\n")
        let fields = (lines.first ?? "").split(separator: " ")
        guard fields.count >= 2, let status = Int(fields[1]) else {
            throw HTTPError(description: "\(url.authority): not an HTTP answer")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let name = line.prefix { $0 != ":" }
            let value = line.dropFirst(name.count + 1).drop { $0 == " " }
            headers[name.lowercased()] = String(value)
        }
        let body = octets[(headLength + end.count)...]
        let isChunked = headers["transfer-encoding"]?.lowercased() == "chunked"
        return HTTPResponse(
            status: status, headers: headers,
            body: String(decoding: isChunked ? joinChunks(body) : body, as: UTF8.self))
    }

    /// RFC 9112 §7.1, trailers left out.
    private static func joinChunks(_ octets: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var joined: [UInt8] = []
        var rest = octets
        while let lineEnd = rest.firstIndex(of: 13) {
            let size = String(decoding: rest[..<lineEnd], as: UTF8.self).prefix { $0.isHexDigit }
            guard let count = Int(size, radix: 16), count > 0 else { break }
            rest = rest[lineEnd...].dropFirst(2)
            joined += rest.prefix(count)
            rest = rest.dropFirst(count + 2)
        }
        return joined[...]
    }
}
