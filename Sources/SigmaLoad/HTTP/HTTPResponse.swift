package struct HTTPResponse: Equatable, Sendable {
    package let status: Int
    /// Names in lower case.
    package let headers: [String: String]
    package let body: String
}

/// Why a request has no response, in words for the operator.
package struct HTTPError: Error, Equatable, CustomStringConvertible {
    package let description: String
}

extension HTTPResponse {
    private static let headEnd = Array("\r\n\r\n".utf8)

    /// Reads a response as far as it has come.
    ///
    /// - Parameter isEnd: Whether the connection is closed: without a length that is where the body ends.
    /// - Returns: `nil` while something is missing.
    /// - Throws: ``HTTPError`` when it is none, or ends too early.
    package static func parse(_ octets: [UInt8], isEnd: Bool) throws(HTTPError) -> HTTPResponse? {
        guard let headLength = octets.indices.first(where: { octets[$0...].starts(with: headEnd) }) else {
            if isEnd { throw HTTPError(description: "the connection was closed before an answer") }
            return nil
        }
        let lines = String(decoding: octets[..<headLength], as: UTF8.self).split(separator: "\r\n")
        let fields = (lines.first ?? "").split(separator: " ")
        guard fields.count >= 2, fields[0].hasPrefix("HTTP/"), let status = Int(fields[1]) else {
            throw HTTPError(description: "not an HTTP answer")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let name = line.prefix { $0 != ":" }
            headers[name.lowercased()] = String(line.dropFirst(name.count + 1).drop { $0 == " " })
        }
        let rest = octets[(headLength + headEnd.count)...]
        guard let body = body(rest, headers, hasNone: status == 204 || status == 304, isEnd: isEnd) else {
            if isEnd { throw HTTPError(description: "the answer was cut off") }
            return nil
        }
        return HTTPResponse(status: status, headers: headers, body: String(decoding: body, as: UTF8.self))
    }

    /// RFC 9112 §6.3.
    private static func body(
        _ rest: ArraySlice<UInt8>, _ headers: [String: String], hasNone: Bool, isEnd: Bool
    ) -> ArraySlice<UInt8>? {
        if hasNone { return [] }
        if headers["transfer-encoding"]?.lowercased() == "chunked" { return joinChunks(rest) }
        if let length = headers["content-length"].flatMap({ Int($0) }), length >= 0 {
            return rest.count >= length ? rest.prefix(length) : nil
        }
        return isEnd ? rest : nil
    }

    /// RFC 9112 §7.1, trailers left out; `nil` before the last chunk.
    private static func joinChunks(_ octets: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var joined: [UInt8] = []
        var rest = octets
        while let lineEnd = rest.firstIndex(of: 10) {
            let size = String(decoding: rest[..<lineEnd], as: UTF8.self).prefix { $0.isHexDigit }
            guard let count = Int(size, radix: 16), count >= 0 else { return nil }
            rest = rest[lineEnd...].dropFirst()
            if count == 0 { return joined[...] }
            guard rest.count >= 2, count <= rest.count - 2 else { return nil }
            joined += rest.prefix(count)
            rest = rest.dropFirst(count + 2)
        }
        return nil
    }
}
