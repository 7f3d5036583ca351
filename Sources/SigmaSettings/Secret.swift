/// A value that no log and no failed test prints.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The value itself, for the one place that needs it.
    package let exposed: String

    package init(_ value: String) {
        exposed = value
    }

    /// Compares in time that depends on the length of `candidate` only.
    package func matches(_ candidate: some StringProtocol) -> Bool {
        let own = Array(exposed.utf8)
        guard !own.isEmpty else { return false }
        var difference = own.count ^ candidate.utf8.count
        for (index, octet) in candidate.utf8.enumerated() {
            difference |= Int(own[index % own.count] ^ octet)
        }
        return difference == 0
    }

    package var description: String { "(secret)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}
