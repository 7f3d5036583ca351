/// Why a command ends with a status other than 0.
package enum OperatorError: Error, Equatable {
    /// What was named is not there.
    case notFound(String)
    /// The chain of the audit is broken; that was said.
    case broken
    /// Media or the database cannot be reached, or a file not be written.
    case unreachable(String)
    /// What was asked for makes no sense.
    case misuse(String)

    /// The exit status; 64 is EX_USAGE of sysexits.h.
    package var status: Int32 {
        switch self {
        case .notFound, .broken: 1
        case .unreachable: 2
        case .misuse: 64
        }
    }

    /// For standard error, without the name of the program.
    package var line: String? {
        switch self {
        case .notFound(let line), .unreachable(let line), .misuse(let line): line
        case .broken: nil
        }
    }
}
