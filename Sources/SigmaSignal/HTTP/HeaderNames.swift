import HTTPTypes

extension HTTPField.Name {
    static let acceptPost = named("Accept-Post")
    static let link = named("Link")
    static let referrerPolicy = named("Referrer-Policy")

    private static func named(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is a token") }
        return name
    }
}
