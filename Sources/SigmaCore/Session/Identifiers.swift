/// 128 bits that signaling chose for a session.
package struct SessionID: Hashable, Sendable, BitwiseCopyable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// `nil` unless there are 16 octets.
    package init?(_ octets: [UInt8]) {
        guard octets.count == 16 else { return nil }
        high = octets[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = octets[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
    }

    package var octets: [UInt8] {
        [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * $0)) } }
    }
}

/// A room, by the number that its row and JSON use: 1 to 2⁵³ − 1.
package struct RoomID: Hashable, Sendable, BitwiseCopyable {
    package let rawValue: UInt64

    /// `nil` outside the range.
    package init?(rawValue: UInt64) {
        guard (1..<(1 << 53)).contains(rawValue) else { return nil }
        self.rawValue = rawValue
    }

    /// The room of a free slot.
    static let none = RoomID()
    private init() { rawValue = 0 }
}

/// A place in the session slab and which of its tenants is meant.
package struct SessionHandle: Hashable, Sendable, BitwiseCopyable {
    /// 20 bits.
    package let slot: UInt32
    package let generation: UInt32

    package init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }
}

package enum Role: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case publisher = 1
    case viewer = 2
}

package enum MediaKind: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case audio = 1
    case video = 2
}

package enum Codec: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case opus = 1
    case h264 = 2
}

/// Where a session stands; the order is the order of its life.
package enum SessionState: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// No authenticated check yet.
    case connecting = 1
    /// A path is there, the DTLS handshake runs.
    case securing = 2
    case connected = 3
    /// 15 s without consent; media still flows towards the path for another 15 s at most.
    case disconnected = 4
}

package enum EndReason: UInt8, Sendable, BitwiseCopyable {
    case requested = 1
    case neverConnected = 2
    case consentExpired = 3
    case peerClosed = 4
    case fingerprintMismatch = 5
    case handshakeFailed = 6
    case publisherBye = 7
    case replaced = 8
    case shutdown = 9
    case kicked = 10
    case signalingLost = 11
}

/// A header extension that media reads, writes or carries over; the numbers are the control protocol's.
package enum ExtensionKind: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case mid = 1
    case rid = 2
    case repairedRID = 3
    case audioLevel = 4
    case videoOrientation = 5
    case absSendTime = 6
    case transportCC = 7
    case playoutDelay = 8
    case colorSpace = 9
    case absCaptureTime = 10

    /// Whether its value means the same to a viewer as to us, so that it is copied as it is.
    package var isCarriedOver: Bool {
        switch self {
        case .audioLevel, .videoOrientation, .playoutDelay, .colorSpace: true
        // abs-capture-time speaks of the publisher's clock, which sender reports replace by ours.
        case .mid, .rid, .repairedRID, .absSendTime, .transportCC, .absCaptureTime: false
        }
    }
}
