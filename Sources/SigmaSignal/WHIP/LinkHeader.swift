import SigmaSettings

extension ICEServer {
    /// The value of a `Link` header (RFC 9725 §4.6), one server in each.
    ///
    /// `<turn:host>; rel="ice-server"; username="…"; credential="…"; credential-type="password"`
    var linkHeader: String {
        var value = "<\(url)>; rel=\"ice-server\""
        if let username, let credential {
            value += "; username=\(Self.quoted(username)); credential=\(Self.quoted(credential.exposed))"
            value += "; credential-type=\"password\""
        }
        return value
    }

    /// A quoted-string (RFC 9110 §5.6.4) of printable ASCII.
    private static func quoted(_ text: String) -> String {
        let escaped = text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }
        return "\"\(escaped.joined())\""
    }
}
