internal import SigmaWire

/// The last packets of one track, decrypted, in the order of their arrival.
///
/// The oldest is overwritten; but the ring grows, up to its limit, rather than overwrite what begins at
/// ``keptSince``. A packet is known by its serial number, 0, 1, 2 … as it arrived. It is the queue of every viewer at
/// once: each keeps the serial it gets next.
@safe package struct PacketRing: ~Copyable {
    /// Octets of one packet at most.
    package static let packetLimit = 1500

    package private(set) var capacity: Int
    private let limit: Int
    private var octets: UnsafeMutableRawPointer
    private var packets: UnsafeMutablePointer<Packet>
    /// The serial of the packet that came last under an index, by the low bits of the index.
    private var serials: UnsafeMutablePointer<UInt64>
    /// Where a joiner begins: this packet and those after it are kept while the ring can hold them.
    package var keptSince: UInt64?
    /// The serial the next packet gets.
    package private(set) var nextSerial: UInt64 = 0
    /// Nothing before this serial was there when the ring grew.
    private var firstKept: UInt64 = 0
    /// What ``equalise()`` has not looked at begins here.
    private var equalisedEnd: UInt64 = 0
    /// The picture that ``equalise()`` looked at last.
    private var picture = Picture()

    private struct Picture {
        var timestamp: UInt32 = 0
        var extensionCount: UInt8 = 0
        var count = 0
        /// Octets of the longest payload.
        var longest = 0
    }

    /// What forwarding needs to know of a packet, found out once.
    package struct Packet: BitwiseCopyable, Sendable {
        /// The SRTP index it came under, stripped packets left out.
        package var index: UInt64 = 0
        /// When it could have gone out: what waits for long is dropped.
        package var arrival = Instant.zero
        package var timestamp: UInt32 = 0
        package var marker = false
        package var reference = Reference.unknown
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

    /// Whether other pictures are decoded with the help of what is in a packet.
    package enum Reference: UInt8, BitwiseCopyable, Sendable {
        /// Nothing but what accompanies a picture.
        case unknown
        /// A slice that no other picture needs (ITU-T H.264 §7.4.1, nal_ref_idc 0).
        case none
        case some
    }

    package struct CarriedExtension: BitwiseCopyable, Sendable {
        package var kind = ExtensionKind.audioLevel
        package var start: UInt16 = 0
        package var length: UInt8 = 0

        package init() {}
    }

    /// - Parameters:
    ///   - capacity: Packets; a power of two.
    ///   - limit: What it may grow to; a power of two. `nil` for not at all.
    package init(capacity: Int, limit: Int? = nil) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "a ring's length is a power of two")
        self.capacity = capacity
        self.limit = limit ?? capacity
        let storage = Storage(capacity: capacity)
        unsafe (octets, packets, serials) = (storage.octets, storage.packets, storage.serials)
    }

    deinit {
        unsafe octets.deallocate()
        unsafe packets.deallocate()
        unsafe serials.deallocate()
    }

    /// The serial of the oldest packet that is there; when it has grown, it is not full yet.
    package var oldestSerial: UInt64 {
        max(firstKept, nextSerial > UInt64(capacity) ? nextSerial - UInt64(capacity) : 0)
    }

    /// The next packet takes the place of the one at ``keptSince``.
    package var overwritesKept: Bool {
        guard let keptSince, capacity == limit else { return false }
        return nextSerial - min(keptSince, nextSerial) == UInt64(capacity)
    }

    /// Copies a packet in.
    ///
    /// - Returns: `false` when it is longer than ``packetLimit``.
    package mutating func append(_ packet: Packet, _ bytes: RawSpan) -> Bool {
        guard bytes.byteCount <= Self.packetLimit else { return false }
        if let keptSince, nextSerial - min(keptSince, nextSerial) >= UInt64(capacity), capacity < limit {
            grow()
        }
        let place = place(nextSerial)
        var packet = packet
        packet.length = UInt16(bytes.byteCount)
        unsafe packets[place] = packet
        unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe (octets + place * Self.packetLimit).copyMemory(from: base, byteCount: source.count)
        }
        unsafe serials[self.place(packet.index)] = nextSerial
        nextSerial += 1
        return true
    }

    /// Doubles it: rare, since it never shrinks.
    private mutating func grow() {
        let larger = PacketRing.Storage(capacity: capacity * 2)
        firstKept = oldestSerial
        for serial in oldestSerial..<nextSerial {
            let (old, new) = (place(serial), Int(truncatingIfNeeded: serial) & (capacity * 2 - 1))
            unsafe larger.packets[new] = packets[old]
            unsafe (larger.octets + new * Self.packetLimit).copyMemory(
                from: octets + old * Self.packetLimit, byteCount: Int(packets[old].length))
            unsafe larger.serials[Int(truncatingIfNeeded: packets[old].index) & (capacity * 2 - 1)] = serial
        }
        unsafe octets.deallocate()
        unsafe packets.deallocate()
        unsafe serials.deallocate()
        unsafe (octets, packets, serials) = (larger.octets, larger.packets, larger.serials)
        capacity *= 2
    }

    @safe private struct Storage {
        let octets: UnsafeMutableRawPointer
        let packets: UnsafeMutablePointer<Packet>
        let serials: UnsafeMutablePointer<UInt64>

        init(capacity: Int) {
            unsafe octets = .allocate(byteCount: capacity * PacketRing.packetLimit, alignment: 64)
            unsafe packets = .allocate(capacity: capacity)
            unsafe packets.initialize(repeating: Packet(), count: capacity)
            unsafe serials = .allocate(capacity: capacity)
            unsafe serials.initialize(repeating: .max, count: capacity)
        }
    }

    /// The serial of the packet that came under `index`; `nil` when the ring has it no more, or never had.
    ///
    /// - Complexity: O(1).
    package func serial(of index: UInt64, stream: UInt32) -> UInt64? {
        let serial = unsafe serials[place(index)]
        guard serial >= oldestSerial, serial < nextSerial else { return nil }
        let packet = unsafe packets[place(serial)]
        return packet.index == index && packet.stream == stream ? serial : nil
    }

    /// The serial of the first packet of `stream` that is no older than `timestamp`, and the lowest index of
    /// all of them; `nil` when there is none.
    ///
    /// - Complexity: O(packets held), so for entry points only.
    package func beginning(since timestamp: UInt32, stream: UInt32) -> (serial: UInt64, index: UInt64)? {
        var found: (serial: UInt64, index: UInt64)?
        for serial in oldestSerial..<nextSerial {
            let packet = unsafe packets[place(serial)]
            guard packet.stream == stream, Int32(bitPattern: packet.timestamp &- timestamp) >= 0 else {
                continue
            }
            found = (found?.serial ?? serial, min(found?.index ?? packet.index, packet.index))
        }
        return found
    }

    /// Pads what came since the last call, so that a picture's packets can go to the kernel as one message.
    ///
    /// Browsers cut a picture into packets that differ by an octet. The padding belongs to the packet from then on,
    /// so that every viewer, and every repetition, gets the same octets: call it before anybody is sent the
    /// packet. What came before is as long as it is; what follows in its picture is padded to the same length.
    package mutating func equalise() {
        var first = max(equalisedEnd, oldestSerial)
        while first < nextSerial {
            let start = unsafe packets[place(first)]
            if start.timestamp != picture.timestamp || start.extensionCount != picture.extensionCount {
                picture = Picture(timestamp: start.timestamp, extensionCount: start.extensionCount)
            }
            var end = first
            while end < nextSerial, isOfPicture(end) {
                picture.longest = max(picture.longest, unsafe Int(packets[place(end)].payloadLength))
                picture.count += 1
                end += 1
            }
            if picture.count >= Self.leastEqualised {
                for serial in first..<end { pad(place(serial), to: picture.longest) }
            }
            first = end
        }
        equalisedEnd = nextSerial
    }

    /// Fewer gain nothing.
    private static let leastEqualised = 3
    /// More would be bandwidth for nothing: the shorter last packet of a picture stays as it is.
    private static let paddingLimit = 16

    private func place(_ serial: UInt64) -> Int { Int(truncatingIfNeeded: serial) & (capacity - 1) }

    private func isOfPicture(_ serial: UInt64) -> Bool {
        let packet = unsafe packets[place(serial)]
        return packet.timestamp == picture.timestamp && packet.extensionCount == picture.extensionCount
    }

    private mutating func pad(_ place: Int, to length: Int) {
        var packet = unsafe packets[place]
        let padding = length - Int(packet.payloadLength)
        let end = Int(packet.payloadStart) + Int(packet.payloadLength)
        guard (1...Self.paddingLimit).contains(padding), end + padding <= Self.packetLimit else { return }
        let target = unsafe octets + place * Self.packetLimit + end
        unsafe target.initializeMemory(as: UInt8.self, repeating: 0, count: padding - 1)
        unsafe target.storeBytes(of: UInt8(padding), toByteOffset: padding - 1, as: UInt8.self)
        packet.padding = UInt8(padding)
        packet.length = UInt16(max(Int(packet.length), end + padding))
        unsafe packets[place] = packet
    }

    /// The packets that are there now.
    ///
    /// To be used while the ring lives, and before the next ``append(_:_:)``.
    @unsafe package var window: Window {
        unsafe Window(
            packets: UnsafePointer(packets), octets: UnsafeRawPointer(octets), mask: UInt64(capacity - 1),
            start: oldestSerial, end: nextSerial)
    }

    /// A ring's packets, to be read in a tight loop: plain words, no owner to be counted or asked.
    @safe package struct Window: BitwiseCopyable {
        @usableFromInline let packets: UnsafePointer<Packet>
        @usableFromInline let octets: UnsafeRawPointer
        @usableFromInline let mask: UInt64
        /// Serials from `start` up to, not with, `end`.
        package let start: UInt64
        package let end: UInt64

        init(
            packets: UnsafePointer<Packet>, octets: UnsafeRawPointer, mask: UInt64, start: UInt64, end: UInt64
        ) {
            unsafe self.packets = packets
            unsafe self.octets = octets
            self.mask = mask
            self.start = start
            self.end = end
        }

        @inlinable package func contains(_ serial: UInt64) -> Bool { serial >= start && serial < end }

        @inlinable func place(_ serial: UInt64) -> Int {
            precondition(contains(serial), "no such packet in the ring")
            return Int(truncatingIfNeeded: serial & mask)
        }

        /// The packet with `serial`, which has to be there.
        @inlinable package subscript(serial: UInt64) -> Packet {
            unsafeAddress { unsafe packets + place(serial) }
        }

        /// Its payload, padding included.
        @inlinable @_lifetime(borrow self)
        package func payload(_ serial: UInt64) -> RawSpan {
            let packet = unsafe packets + place(serial)
            let start = unsafe Int(packet.pointee.payloadStart)
            let count = unsafe Int(packet.pointee.payloadLength) + Int(packet.pointee.padding)
            return octets(serial, start: start, count: count)
        }

        /// All octets of a packet as it came in, and its padding.
        @inlinable @_lifetime(borrow self)
        package func octets(_ serial: UInt64) -> RawSpan {
            octets(serial, start: 0, count: Int(self[serial].length))
        }

        @inlinable @_lifetime(borrow self)
        package func octets(_ serial: UInt64, start: Int, count: Int) -> RawSpan {
            precondition(
                start >= 0 && count >= 0 && start + count <= PacketRing.packetLimit, "outside the packet")
            let base = unsafe octets + place(serial) * PacketRing.packetLimit + start
            let span = unsafe RawSpan(_unsafeStart: base, byteCount: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }
}
