extension RTCPPacket {
    package var isTransportFeedback: Bool {
        type == RTCP.PacketType.transportFeedback && count == RTCP.Format.transportCC
    }
}

/// A transport-wide feedback packet, checked as a whole.
///
/// - SeeAlso: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1
package struct TransportFeedbackView: Equatable, Sendable {
    package let baseNumber: UInt16
    package let statusCount: Int
    /// Units of 64 ms, modulo 2²⁴.
    package let referenceTime: UInt32
    /// One more for each feedback packet, so that a lost one is noticed.
    package let number: UInt8
    private let chunks: Int
    private let deltas: Int

    /// `nil` when `packet` is none, says nothing, has a reserved symbol, or chunks or times are missing.
    package init?(_ packet: RTCPPacket, in compound: borrowing RTCPCompoundView) {
        guard packet.isTransportFeedback, packet.body.count >= 18 else { return nil }
        let bytes = compound.bytes
        let start = packet.body.lowerBound + 8
        let count = Int(bytes.bigEndian(UInt16.self, at: start + 2))
        guard count > 0 else { return nil }
        var left = count
        var place = start + 8
        var deltaLength = 0
        while left > 0 {
            guard place + 2 <= packet.body.upperBound else { return nil }
            let chunk = StatusChunk(bytes.bigEndian(UInt16.self, at: place))
            guard chunk.count > 0 else { return nil }
            for index in 0..<min(left, chunk.count) {
                let symbol = chunk.symbol(index)
                guard symbol < 3 else { return nil }
                deltaLength += Int(symbol)
            }
            left -= chunk.count
            place += 2
        }
        guard place + deltaLength <= packet.body.upperBound else { return nil }
        baseNumber = bytes.bigEndian(UInt16.self, at: start)
        statusCount = count
        referenceTime = bytes.bigEndian24(at: start + 4)
        number = bytes.octet(at: start + 7)
        chunks = start + 8
        deltas = place
    }

    package var statuses: Statuses {
        Statuses(
            number: baseNumber, left: statusCount,
            time: Int64(referenceTime) * TransportFeedback.ticksPerReference,
            chunkPlace: chunks, deltaPlace: deltas)
    }

    package struct Status: Equatable, Sendable {
        package let number: UInt16
        /// Nanoseconds on a clock of the sender of the feedback, modulo 2²⁴ · 64 ms; `nil`: not received.
        package let arrival: Int64?
    }

    /// Walks the statuses: ``next(in:)`` until `nil`, with the compound that the view was read from.
    package struct Statuses: Sendable {
        private var number: UInt16
        private var left: Int
        /// Ticks of 250 µs.
        private var time: Int64
        private var chunkPlace: Int
        private var deltaPlace: Int
        private var chunk = StatusChunk(0)
        private var index = 0

        fileprivate init(number: UInt16, left: Int, time: Int64, chunkPlace: Int, deltaPlace: Int) {
            self.number = number
            self.left = left
            self.time = time
            self.chunkPlace = chunkPlace
            self.deltaPlace = deltaPlace
        }

        package mutating func next(in compound: borrowing RTCPCompoundView) -> Status? {
            guard left > 0 else { return nil }
            if index == chunk.count {
                chunk = StatusChunk(compound.bytes.bigEndian(UInt16.self, at: chunkPlace))
                chunkPlace += 2
                index = 0
            }
            let symbol = chunk.symbol(index)
            if symbol == 1 { time += Int64(compound.bytes.octet(at: deltaPlace)) }
            if symbol == 2 {
                time += Int64(Int16(bitPattern: compound.bytes.bigEndian(UInt16.self, at: deltaPlace)))
            }
            deltaPlace += Int(symbol)
            defer {
                index += 1
                left -= 1
                number &+= 1
            }
            return Status(number: number, arrival: symbol == 0 ? nil : time * TransportFeedback.tick)
        }
    }
}

/// One chunk: a run of one symbol, 14 symbols of one bit, or 7 of two.
private struct StatusChunk: Equatable, Sendable {
    private let bits: UInt16

    init(_ bits: UInt16) { self.bits = bits }

    var count: Int {
        switch bits >> 14 {
        case 0, 1: Int(bits & 0x1FFF)
        case 2: 14
        default: 7
        }
    }

    func symbol(_ index: Int) -> UInt8 {
        switch bits >> 14 {
        case 0, 1: UInt8(truncatingIfNeeded: bits >> 13)
        case 2: UInt8(truncatingIfNeeded: bits >> UInt16(13 - index) & 1)
        default: UInt8(truncatingIfNeeded: bits >> UInt16(12 - 2 * index) & 3)
        }
    }
}
