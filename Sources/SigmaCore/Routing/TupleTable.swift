package import SigmaWire

/// Which session a validated path belongs to: open addressing, fixed memory, no allocation after `init`.
///
/// A path enters only after an authenticated check, and there are at most
/// ``ICELiteAgent/pathLimit`` for a session, so the table cannot be filled from outside.
package struct TupleTable: ~Copyable {
    private var entries: [Entry]
    private let mask: Int
    package private(set) var count = 0

    private struct Entry: BitwiseCopyable {
        var path = Path(local: .unspecified, remote: .unspecified)
        /// ``free``, or the slot.
        var slot = Self.free

        static let free = UInt32.max
    }

    /// - Parameter sessions: How many sessions there can be.
    package init(sessions: Int) {
        var size = 16
        while size < sessions * ICELiteAgent.pathLimit * 2 { size *= 2 }
        entries = Array(repeating: Entry(), count: size)
        mask = size - 1
    }

    private func home(_ path: Path) -> Int {
        // Ports and low address octets differ most; a multiplication spreads them.
        var hash = path.remote.low ^ path.remote.high &* 0x9E37_79B9_7F4A_7C15
        hash ^= UInt64(path.remote.port) << 32 ^ path.local.low << 7 ^ UInt64(path.local.port)
        hash &*= 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: hash >> 32) & mask
    }

    private func place(of path: Path) -> Int? {
        var place = home(path)
        while entries[place].slot != Entry.free {
            if entries[place].path == path { return place }
            place = (place + 1) & mask
        }
        return nil
    }

    /// The slot that `path` leads to.
    package func slot(for path: Path) -> UInt32? {
        place(of: path).map { entries[$0].slot }
    }

    /// Leads `path` to `slot`, also when it led elsewhere before: the newest check wins.
    package mutating func insert(_ path: Path, slot: UInt32) {
        var place = home(path)
        while entries[place].slot != Entry.free {
            if entries[place].path == path {
                entries[place].slot = slot
                return
            }
            place = (place + 1) & mask
        }
        precondition(count < mask, "the table holds four paths of every session there can be")
        entries[place].path = path
        entries[place].slot = slot
        count += 1
    }

    /// Forgets `path` when it leads to `slot`.
    package mutating func remove(_ path: Path, slot: UInt32) {
        guard var hole = place(of: path), entries[hole].slot == slot else { return }
        count -= 1
        // Moves back what was pushed past the hole, so that no search ends too early.
        var place = (hole + 1) & mask
        while entries[place].slot != Entry.free {
            let wanted = home(entries[place].path)
            if (place - wanted) & mask >= (place - hole) & mask {
                entries[hole] = entries[place]
                hole = place
            }
            place = (place + 1) & mask
        }
        entries[hole] = Entry()
    }
}
