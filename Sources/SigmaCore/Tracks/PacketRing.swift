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
        /// A decoder can begin here: an IDR, or the parameter sets in front of it; always for audio.
        package var isEntryPoint = false
        package var length: UInt16 = 0
        package var payloadStart: UInt16 = 0
        package var payloadLength: UInt16 = 0
        /// Header extensions that are carried over.
        package var extensions = InlineArray<4, CarriedExtension>(repeating: CarriedExtension())
        package var extensionCount: UInt8 = 0

        package init() {}
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
