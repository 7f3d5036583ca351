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
        /// The SRTP index it came under, stripped packets left out.
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
        /// Octets of RTP padding behind the payload (RFC 3550 §5.1), its own count octet included.
        package var padding: UInt8 = 0
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

    /// Pads packets of one picture to one length, so that they can go to the kernel as one message.
    ///
    /// Browsers cut a picture into packets that differ by an octet. The padding belongs to the packet from now on,
    /// so that every viewer, and every repetition, gets the same octets.
    ///
    /// - Parameter serials: Packets that nobody was sent yet.
    package mutating func equalise(_ serials: Range<UInt64>) {
        var first = serials.lowerBound
        while first < serials.upperBound {
            var end = first
            var longest: UInt16 = 0
            while end < serials.upperBound, belongsTogether(first, end) {
                longest = max(longest, packets[place(end)].payloadLength)
                end += 1
            }
            if end - first >= Self.leastEqualised {
                for serial in first..<end { pad(place(serial), to: longest) }
            }
            first = max(end, first + 1)
        }
    }

    /// Fewer gain nothing.
    private static let leastEqualised: UInt64 = 3
    /// More would be bandwidth for nothing: the shorter last packet of a picture stays as it is.
    private static let paddingLimit: UInt16 = 16

    private func place(_ serial: UInt64) -> Int { Int(serial % UInt64(capacity)) }

    private func belongsTogether(_ first: UInt64, _ other: UInt64) -> Bool {
        packets[place(first)].timestamp == packets[place(other)].timestamp
            && packets[place(first)].extensionCount == packets[place(other)].extensionCount
    }

    private mutating func pad(_ place: Int, to length: UInt16) {
        let packet = packets[place]
        let end = Int(packet.payloadStart) + Int(packet.payloadLength)
        guard packet.payloadLength < length, length - packet.payloadLength <= Self.paddingLimit,
            end + Int(length - packet.payloadLength) <= Self.packetLimit
        else { return }
        let padding = Int(length - packet.payloadLength)
        let base = place * Self.packetLimit + end
        for offset in 0..<(padding - 1) { unsafe octets[base + offset] = 0 }
        unsafe octets[base + padding - 1] = UInt8(padding)
        packets[place].padding = UInt8(padding)
        packets[place].length = UInt16(max(Int(packet.length), end + padding))
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
