/// What became of the datagrams of one direction.
package struct Counts: Equatable, Sendable {
    package var received = 0
    /// Passed on, copies included.
    package var sent = 0
    /// By chance, alone or in a burst; copies included.
    package var lost = 0
    /// That came in a black-out.
    package var blackedOut = 0
    /// That were sent twice.
    package var duplicated = 0
    /// That were held back for others to overtake.
    package var reordered = 0
    /// That found the queue of the rate limit full.
    package var rateDropped = 0

    /// A JSON object (RFC 8259).
    package var json: String {
        let members = [
            ("received", received), ("sent", sent), ("lost", lost), ("blacked_out", blackedOut),
            ("duplicated", duplicated), ("reordered", reordered), ("rate_dropped", rateDropped),
        ]
        return "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }
}
