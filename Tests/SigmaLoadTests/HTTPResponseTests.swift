import SigmaLoad
import Testing

@Suite("HTTPResponse: RFC 9112 §6.3, §7.1")
struct HTTPResponseTests {
    private func parse(_ text: String, isEnd: Bool = false) throws(HTTPError) -> HTTPResponse? {
        try HTTPResponse.parse(Array(text.utf8), isEnd: isEnd)
    }

    @Test(arguments: [
        "HTTP/1.1 201 Created\r\nLocation: /s/1\r\nContent-Length: 4\r\n\r\nv=0\n",
        "HTTP/1.1 201 Created\r\nlocation:/s/1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nv=\r\n2;x\r\n0\n\r\n0\r\n\r\n",
    ])
    func `an answer is whole with its last octet, not before`(text: String) throws {
        for length in 0..<(text.utf8.count - 4) {
            let part = try parse(String(decoding: Array(text.utf8.prefix(length)), as: UTF8.self))
            #expect(part == nil, "\(length)")
        }
        let response = try #require(try parse(text))
        #expect((response.status, response.headers["location"], response.body) == (201, "/s/1", "v=0\n"))
    }

    @Test func `without a length the body ends with the connection`() throws {
        let text = "HTTP/1.0 200 OK\r\n\r\nabc"
        #expect(try parse(text) == nil)
        #expect(try parse(text, isEnd: true)?.body == "abc")
    }

    @Test func `204 has no body`() throws {
        #expect(try parse("HTTP/1.1 204 No Content\r\n\r\n")?.status == 204)
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
    func `what is cut off is an error`(text: String) {
        #expect(throws: HTTPError.self) { try parse(text, isEnd: true) }
    }

    @Test(arguments: ["SSH-2.0\r\n\r\n", "HTTP/1.1 x\r\n\r\n"])
    func `what is no HTTP is an error`(text: String) {
        #expect(throws: HTTPError.self) { try parse(text) }
    }
}
