import HTTPTypes
import NIOCore

/// How streams are written (WHATWG HTML §9.2, server-sent events).
enum EventStream {
    /// `X-Accel-Buffering` is for nginx, which else keeps events until it has a buffer full of them.
    static var fields: HTTPFields {
        [.contentType: "text/event-stream", .cacheControl: "no-store", .xAccelBuffering: "no"]
    }

    /// How long a browser waits before it connects again: a server that restarts is back by then.
    static let retry = ByteBuffer(string: "retry: 1000\n\n")

    /// A comment, which clients drop; it shows them and all proxies that the stream is alive.
    static let ping = ByteBuffer(string: ": ping\n\n")

    /// An event without a name or an id, for `onmessage`.
    ///
    /// - Parameter document: Has no line break.
    static func message(_ document: ByteBuffer) -> ByteBuffer {
        var octets = ByteBuffer()
        octets.reserveCapacity(document.readableBytes + 8)
        octets.writeStaticString("data: ")
        octets.writeImmutableBuffer(document)
        octets.writeStaticString("\n\n")
        return octets
    }

    /// Only a number: what the client says when it comes back, though there was no event.
    static func position(_ id: Int64) -> ByteBuffer {
        ByteBuffer(string: "id: \(id)\n\n")
    }

    /// A named event; a line break in its data begins another line of data, as the format wants it.
    static func event(id: Int64, kind: String, data: String) -> ByteBuffer {
        var octets = ByteBuffer()
        octets.reserveCapacity(data.utf8.count + kind.utf8.count + 40)
        octets.writeString("id: \(id)\nevent: \(kind)\n")
        for line in data.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            octets.writeStaticString("data: ")
            octets.writeSubstring(line)
            octets.writeStaticString("\n")
        }
        octets.writeStaticString("\n")
        return octets
    }
}
