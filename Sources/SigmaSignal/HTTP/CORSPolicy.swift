import HTTPTypes
import Hummingbird

/// Which other origins may use the API (WHATWG Fetch, CORS protocol).
///
/// There are no cookies, so no credentials mode: whoever may call still needs the token to publish.
struct CORSPolicy: Sendable {
    /// In lower case without a final slash; `*` stands for any.
    let origins: [String]

    /// Adds to a response, error or not, what lets the page of an allowed origin read it.
    func apply(to response: inout Response, for request: Request) {
        guard !origins.isEmpty else { return }
        response.headers[.vary] = "Origin"
        guard let origin = request.headers[.origin],
            origins.contains("*") || origins.contains(origin.lowercased())
        else { return }
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlExposeHeaders] = "Location, Link, ETag, Retry-After"
        guard request.method == .options else { return }
        response.headers[.accessControlAllowMethods] = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
        response.headers[.accessControlAllowHeaders] = "Authorization, Content-Type, If-Match, Last-Event-ID"
        response.headers[.accessControlMaxAge] = "600"
    }
}
