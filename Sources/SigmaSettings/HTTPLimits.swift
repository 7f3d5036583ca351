/// What one client, and all of them together, may ask of HTTP; `nil` stands for no limit.
package struct HTTPLimits: Sendable, Equatable {
    /// `SIGMA_HTTP_CONNECTIONS`: open at one time.
    package var connections: Int?
    /// `SIGMA_HTTP_CONNECTIONS_PER_ADDRESS`: open at one time.
    package let connectionsPerAddress: Int?
    /// `SIGMA_HTTP_REQUESTS_PER_SECOND`, of an address.
    package let requestsPerSecond: Int?
    /// `SIGMA_HTTP_JOINS_PER_SECOND`, of an address.
    package let joinsPerSecond: Int?
    /// `SIGMA_HTTP_TOKEN_FAILURES_PER_SECOND`, of an address.
    package let tokenFailuresPerSecond: Int?
    /// `SIGMA_HTTP_HEADER_SECONDS`: from the first octet of a request to the end of its header.
    package let headerTimeout: Duration?
    /// `SIGMA_HTTP_BODY_SECONDS`: from the end of the header to the end of the body.
    package let bodyTimeout: Duration?
    /// `SIGMA_HTTP_IDLE_SECONDS`: between two requests of a connection.
    package let idleTimeout: Duration?
    /// `SIGMA_HTTP_UNLIMITED`: whom the limits of an address do not hold for.
    package let unlimited: [IPPrefix]

    init(environment: [String: String]) throws(SettingsError) {
        connections = try HTTPVariables.connections.value(in: environment)
        connectionsPerAddress = try HTTPVariables.connectionsPerAddress.value(in: environment)
        requestsPerSecond = try HTTPVariables.requestsPerSecond.value(in: environment)
        joinsPerSecond = try HTTPVariables.joinsPerSecond.value(in: environment)
        tokenFailuresPerSecond = try HTTPVariables.tokenFailuresPerSecond.value(in: environment)
        headerTimeout = try HTTPVariables.headerTimeout.value(in: environment).map { .seconds($0) }
        bodyTimeout = try HTTPVariables.bodyTimeout.value(in: environment).map { .seconds($0) }
        idleTimeout = try HTTPVariables.idleTimeout.value(in: environment).map { .seconds($0) }
        unlimited = try HTTPVariables.unlimited.value(in: environment)
    }
}

/// The variables of ``HTTPLimits``.
enum HTTPVariables {
    static let connections = limit(
        "SIGMA_HTTP_CONNECTIONS", "2000", "HTTP connections at one time", upTo: 1_000_000)
    static let connectionsPerAddress = limit(
        "SIGMA_HTTP_CONNECTIONS_PER_ADDRESS", "16",
        "HTTP connections of one address at one time; idle ones give way", upTo: 1_000_000)
    static let requestsPerSecond = limit(
        "SIGMA_HTTP_REQUESTS_PER_SECOND", "100",
        "HTTP requests of one address, in the long run; ten seconds' worth may come at once", upTo: 1_000_000)
    static let joinsPerSecond = limit(
        "SIGMA_HTTP_JOINS_PER_SECOND", "10",
        "offers of one address, in the long run; ten seconds' worth may come at once", upTo: 1_000_000)
    static let tokenFailuresPerSecond = limit(
        "SIGMA_HTTP_TOKEN_FAILURES_PER_SECOND", "1",
        "wrong tokens of one address, in the long run; ten seconds' worth may come at once", upTo: 1_000_000)
    static let headerTimeout = limit(
        "SIGMA_HTTP_HEADER_SECONDS", "5", "seconds in which the header of a request must come", upTo: 3600)
    static let bodyTimeout = limit(
        "SIGMA_HTTP_BODY_SECONDS", "10", "seconds in which the body of a request must come", upTo: 3600)
    static let idleTimeout = limit(
        "SIGMA_HTTP_IDLE_SECONDS", "30", "seconds between two requests of a connection", upTo: 3600)
    static let unlimited = Variable(
        name: "SIGMA_HTTP_UNLIMITED", fallback: "127.0.0.0/8,::1",
        help: "address ranges without a limit per address, comma-separated; none: no range",
        parse: { text in
            text == "none"
                ? .value([])
                : Parse.list(
                    text, of: { IPPrefix(parsing: $0) },
                    else: "is not an address range; use one such as 10.0.0.0/8, or none")
        })

    static let summaries: [VariableSummary] = [
        connections.summary, connectionsPerAddress.summary, requestsPerSecond.summary,
        joinsPerSecond.summary, tokenFailuresPerSecond.summary, headerTimeout.summary, bodyTimeout.summary,
        idleTimeout.summary, unlimited.summary,
    ]

    private static func limit(
        _ name: String, _ fallback: String, _ help: String, upTo maximum: Int
    ) -> Variable<Int?> {
        Variable(
            name: name, fallback: fallback, help: help + "; 0: no limit",
            parse: { text in
                guard let number = Parse.number(text), number <= maximum else {
                    return .invalid("is not a limit; use 1 to \(maximum), or 0 for none")
                }
                return .value(number == 0 ? nil : number)
            })
    }
}
