package import FoundationEssentials

/// An event of media's journal, as the audit keeps it.
package struct MediaEvent: Sendable {
    /// What the event says, beyond the session it is about.
    package enum Fact: Sendable {
        case connected
        case disconnected
        case reconnected
        case ended(reason: String, Totals, closedBy: UInt32?)
        case publisherLive
        case publisherGone
        case trackKnown(kind: String, codec: String, width: UInt32, height: UInt32, profileLevelID: UInt32)
        case keyframeInterval(milliseconds: UInt32)
        /// The codes of all troubles of a track, `b-frames` and so on.
        case troubles([String], keyframeInterval: UInt32)
        case layerSwitched(layer: UInt32)
        /// Of a kind that this program does not know.
        case other
    }

    package struct Totals: Sendable, Equatable {
        package let octetsSent: Int64
        package let octetsReceived: Int64

        package init(octetsSent: UInt64, octetsReceived: UInt64) {
            self.octetsSent = Int64(clamping: octetsSent)
            self.octetsReceived = Int64(clamping: octetsReceived)
        }
    }

    /// The journal's id, hexadecimal.
    package let journal: String
    package let number: Int64
    /// Unix time, ms.
    package let time: Int64
    /// SHA-256 of the session's id.
    package let idHash: Data
    package let room: Int64
    package let role: StoredRole
    package let mediaLine: UInt32?
    package let fact: Fact

    package init(
        journal: String, number: Int64, time: Int64, idHash: Data, room: Int64, role: StoredRole,
        mediaLine: UInt32? = nil, fact: Fact
    ) {
        self.journal = journal
        self.number = number
        self.time = time
        self.idHash = idHash
        self.room = room
        self.role = role
        self.mediaLine = mediaLine
        self.fact = fact
    }
}
