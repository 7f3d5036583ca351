import HTTPTypes
import Hummingbird

/// The web pages and their parts, which are in the program itself.
package enum Page: String, Sendable, Equatable, CaseIterable {
    case list = "list.html"
    case watch = "watch.html"
    case publish = "publish.html"
    case listScript = "list.js"
    case watchScript = "watch.js"
    case publishScript = "publish.js"
    case style = "style.css"

    /// `/`, `/watch/{room}`, `/publish` and `/assets/{file}`.
    init?(_ segments: [String]) {
        switch (segments[0], segments.count) {
        case ("", 1): self = .list
        case ("watch", 2) where RoomReference(segments[1]) != nil: self = .watch
        case ("publish", 1): self = .publish
        case ("assets", 2):
            guard let part = Page(rawValue: segments[1]), !part.isDocument else { return nil }
            self = part
        default: return nil
        }
    }

    var response: Response {
        var headers: HTTPFields = [
            .contentType: contentType, .cacheControl: "no-cache", .xContentTypeOptions: "nosniff",
        ]
        if isDocument {
            headers[.contentSecurityPolicy] = Self.policy
            headers[.referrerPolicy] = "no-referrer"
        }
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: content)))
    }

    private var isDocument: Bool { rawValue.hasSuffix(".html") }

    private var contentType: String {
        if isDocument { return "text/html; charset=utf-8" }
        return self == .style ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8"
    }

    private var content: [UInt8] {
        switch self {
        case .list: PackageResources.list_html
        case .watch: PackageResources.watch_html
        case .publish: PackageResources.publish_html
        case .listScript: PackageResources.list_js
        case .watchScript: PackageResources.watch_js
        case .publishScript: PackageResources.publish_js
        case .style: PackageResources.style_css
        }
    }

    /// Nothing but our own files; all scripts and styles are files, so that none need be trusted inline.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
