import SigmaSettings

/// What whoever reaches a listener may do.
enum Access: Sendable {
    /// The internet: publish with a key, watch, see what is public.
    case everybody
    /// The operator: everything.
    ///
    /// - Parameter token: What each request needs; `nil` on a socket that nobody else can open.
    case operators(Secret?)

    var isOperator: Bool {
        switch self {
        case .everybody: false
        case .operators: true
        }
    }

    /// Who it was, for the audit.
    var name: String {
        switch self {
        case .everybody: "client"
        case .operators(let token): token == nil ? "admin.sock" : "admin"
        }
    }
}
