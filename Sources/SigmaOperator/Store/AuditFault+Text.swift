import SigmaStore

extension AuditFault {
    /// What is wrong with which row, in one sentence.
    var text: String {
        switch self {
        case .missing(let expected, let found):
            "row \(expected) is missing: row \(found) stands where it should be"
        case .altered(let sequence):
            "row \(sequence) was altered: its hash is not that of its body and the row before it"
        case .misplaced(let sequence):
            "row \(sequence) is not in its place: its body says that it is another row"
        case .recomputed(let sequence):
            "row \(sequence) is not the one that was anchored: the chain was computed again, from there or before"
        case .cut(let last, let anchored):
            "the end is cut off: row \(last) is the last one, and row \(anchored) was anchored"
        case .unfounded(let checkpoint):
            "row \(checkpoint + 1) is the first: older ones are gone, and no row says that they were pruned"
        case .empty(let anchored):
            "all rows are gone: there is none, and row \(anchored) was anchored"
        }
    }
}
