import HTTPTypes

extension HTTPField.Name {
    static let acceptPost = named("Accept-Post")
    static let forwarded = named("Forwarded")
    static let lastEventID = named("Last-Event-ID")
    static let link = named("Link")
    static let referrerPolicy = named("Referrer-Policy")
    static let xAccelBuffering = named("X-Accel-Buffering")
    static let xForwardedFor = named("X-Forwarded-For")

    private static func named(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is a token") }
        return name
    }
}
