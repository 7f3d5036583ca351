internal import SigmaWire

/// The last packets of one track, decrypted, in the order of their arrival.
///
/// Preallocated; the oldest is overwritten. A packet is known by its serial number, 0, 1, 2 … as it arrived.
@safe package struct PacketRing: ~Copyable {
    /// Octets of one packet at most.
    package static let packetLimit = 1500

    private let capacity: Int
    private let octets: UnsafeMutableRawBufferPointer
    private var packets: [Packet]
    /// The serial the next packet gets.
    package private(set) var nextSerial: UInt64 = 0

    /// What forwarding needs to know of a packet, found out once.
    package struct Packet: BitwiseCopyable, Sendable {
        /// Sequence number continued over wraps, stripped packets left out.
        package var index: UInt64 = 0
        package var timestamp: UInt32 = 0
        package var marker = false
        /// Which of the track's streams it is of: one for each source, and for each part of it behind a jump.
        package var stream: UInt32 = 0
        package var entryPoint = EntryPoint.none
        /// The entry point begins this many packets before this one, at this index and timestamp.
        package var entryDistance: UInt16 = 0
        package var entryIndex: UInt64 = 0
        package var entryTimestamp: UInt32 = 0
        /// How many packets of the stream so far carried parameter sets, and whether this one does.
        package var parameterSets: UInt32 = 0
        package var carriesParameterSets = false
        package var length: UInt16 = 0
        package var payloadStart: UInt16 = 0
        package var payloadLength: UInt16 = 0
        /// Header extensions that are carried over.
        package var extensions = InlineArray<4, CarriedExtension>(repeating: CarriedExtension())
        package var extensionCount: UInt8 = 0

        package init() {}
    }

    /// Whether a decoder can begin with a packet and those before it that belong to it.
    package enum EntryPoint: UInt8, BitwiseCopyable, Sendable {
        case none
        /// An IDR picture, for a decoder that has the stream's parameter sets.
        case bareKeyframe
        /// Everything a decoder needs; every packet of audio.
        case whole
    }

    package struct CarriedExtension: BitwiseCopyable, Sendable {
        package var kind = ExtensionKind.audioLevel
        package var start: UInt16 = 0
        package var length: UInt8 = 0

        package init() {}
    }

    package init(capacity: Int) {
        self.capacity = capacity
        unsafe octets = .allocate(byteCount: capacity * Self.packetLimit, alignment: 64)
        packets = Array(repeating: Packet(), count: capacity)
    }

    deinit { unsafe octets.deallocate() }

    package var oldestSerial: UInt64 { nextSerial > UInt64(capacity) ? nextSerial - UInt64(capacity) : 0 }

    /// Copies a packet in.
    ///
    /// - Returns: `false` when it is longer than ``packetLimit``.
    package mutating func append(_ packet: Packet, _ bytes: RawSpan) -> Bool {
        guard bytes.byteCount <= Self.packetLimit else { return false }
        let place = Int(nextSerial % UInt64(capacity))
        packets[place] = packet
        packets[place].length = UInt16(bytes.byteCount)
        let start = place * Self.packetLimit
        unsafe bytes.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(rebasing: octets[start..<(start + source.count)])
                .copyMemory(from: source)
        }
        nextSerial += 1
        return true
    }

    /// The serial of the first packet of `stream` that is no older than `timestamp`, and the lowest index of
    /// all of them; `nil` when there is none.
    ///
    /// - Complexity: O(packets held), so for entry points only.
    package func beginning(since timestamp: UInt32, stream: UInt32) -> (serial: UInt64, index: UInt64)? {
        var found: (serial: UInt64, index: UInt64)?
        for serial in oldestSerial..<nextSerial {
            let packet = packets[Int(serial % UInt64(capacity))]
            guard packet.stream == stream, Int32(bitPattern: packet.timestamp &- timestamp) >= 0 else {
                continue
            }
            found = (found?.serial ?? serial, min(found?.index ?? packet.index, packet.index))
        }
        return found
    }

    /// The packet with `serial`; `nil` when it is overwritten or not yet there.
    package func packet(_ serial: UInt64) -> Packet? {
        guard serial < nextSerial, serial >= oldestSerial else { return nil }
        return packets[Int(serial % UInt64(capacity))]
    }

    /// Lends the octets of the packet with `serial` to `body`; the caller has seen that it is there.
    package func withOctets<R>(_ serial: UInt64, _ body: (RawSpan) -> R) -> R {
        let place = Int(serial % UInt64(capacity))
        let start = place * Self.packetLimit
        let end = start + Int(packets[place].length)
        return unsafe body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: octets[start..<end])))
    }
}
