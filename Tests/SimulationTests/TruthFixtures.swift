import SigmaEngine
import SigmaWire
import Testing

/// One RTP packet, written octet by octet.
struct RTPFixture {
    var payloadType: UInt8
    var sequenceNumber: UInt16
    var timestamp: UInt32
    var ssrc: UInt32
    var payload: [UInt8]
    var marker = false
    /// One-byte header extensions (RFC 8285 §4.2).
    var extensions: [(id: UInt8, value: [UInt8])] = []
    /// Octets of padding.
    var padding: UInt8 = 0

    var octets: [UInt8] {
        let first: UInt8 = 0x80 | (extensions.isEmpty ? 0 : 0x10) | (padding > 0 ? 0x20 : 0)
        var octets = [first, (marker ? 0x80 : 0) | payloadType]
        octets.append(bigEndian: sequenceNumber)
        octets.append(bigEndian: timestamp)
        octets.append(bigEndian: ssrc)
        if !extensions.isEmpty {
            var block: [UInt8] = []
            for element in extensions {
                block.append(element.id << 4 | UInt8(element.value.count - 1))
                block += element.value
            }
            while block.count % 4 != 0 { block.append(0) }
            octets += [0xBE, 0xDE, 0, UInt8(block.count / 4)]
            octets += block
        }
        octets += payload
        if padding > 0 { octets += [UInt8](repeating: 0, count: Int(padding) - 1) + [padding] }
        return octets
    }
}

/// Payloads of H.264 that say which they are in their last octet (RFC 6184 §5.6, §5.8).
enum Picture {
    static let sps: [UInt8] = [
        0x67, 0x42, 0xC0, 0x1F, 0xD9, 0x00, 0x50, 0x05, 0xBB, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
        0x00, 0x03, 0x03, 0xC0, 0xF1, 0x83, 0x24, 0x80,
    ]
    static let pps: [UInt8] = [0x68, 0xCB, 0x83, 0xCB, 0x20]
    static func idr(_ tag: UInt8) -> [UInt8] { [0x7C, 0x85, 0x88, tag] }
    static func idrEnd(_ tag: UInt8) -> [UInt8] { [0x7C, 0x45, 0x88, tag] }
    static func other(_ tag: UInt8) -> [UInt8] { [0x41, 0x9A, 0x20, tag] }
    /// Of a picture that no other needs (nal_ref_idc 0), in two fragments.
    static func disposable(_ tag: UInt8) -> [UInt8] { [0x1C, 0x81, 0x9A, tag] }
    static func disposableEnd(_ tag: UInt8) -> [UInt8] { [0x1C, 0x41, 0x9A, tag] }
}

struct ReceivedRTP: Equatable {
    let ssrc: UInt32
    let payloadType: UInt8
    let sequenceNumber: UInt16
    let timestamp: UInt32
    let payload: [UInt8]
    /// The 48 bits under which it is authentic.
    let index: UInt64
    let at: Int64

    init(_ octets: [UInt8], index: UInt64, at: Int64) {
        self.index = index
        self.at = at
        guard let packet = try? RTPPacketView(octets.span.bytes) else {
            (ssrc, payloadType, sequenceNumber, timestamp, payload) = (0, 0, 0, 0, [])
            return
        }
        ssrc = packet.ssrc.rawValue
        payloadType = packet.payloadType
        sequenceNumber = packet.sequenceNumber
        timestamp = packet.timestamp
        payload = Array(octets[packet.payloadRange])
    }
}

/// One RTCP datagram, and what of it the tests ask for.
struct ReceivedRTCP: Equatable {
    let octets: [UInt8]
    let at: Int64

    /// What `read` finds in the packets, in their order.
    private func all<T>(_ read: (RTCPPacket, borrowing RTCPCompoundView) -> [T]) -> [T] {
        guard let compound = try? RTCPCompoundView(octets.span.bytes) else { return [] }
        var found: [T] = []
        var packets = compound.packets
        while let packet = packets.next(in: compound) { found += read(packet, compound) }
        return found
    }

    var types: [UInt8] { all { packet, _ in [packet.type] } }
    var senderInfo: SenderInfo? {
        all { packet, compound in SenderInfo(packet, in: compound).map { [$0] } ?? [] }.first
    }
    var reportBlocks: [ReportBlock] {
        all { packet, compound in
            (0..<31).compactMap { ReportBlock($0, of: packet, in: compound) }
        }
    }
    var leaving: [UInt32] {
        all { packet, compound in
            (0..<31).compactMap { packet.leavingSource($0, in: compound)?.rawValue }
        }
    }
    var pictureLosses: Int { all { packet, _ in packet.isPictureLossIndication ? [0] : [] }.count }
    var intraRequests: [FIREntry] {
        all { packet, compound in (0..<4).compactMap { FIREntry($0, of: packet, in: compound) } }
    }
    /// The numbers that generic NACKs ask for.
    var nacked: [UInt16] {
        all { packet, compound in
            (0..<64).compactMap { NACKEntry($0, of: packet, in: compound) }.flatMap { entry in
                [entry.packetID]
                    + (0..<16).filter { entry.followingLost >> UInt16($0) & 1 == 1 }.map {
                        entry.packetID &+ UInt16($0) &+ 1
                    }
            }
        }
    }
    /// SSRC of the first packet.
    var sender: UInt32 { octets.count < 8 ? 0 : octets[4..<8].reduce(0) { $0 << 8 | UInt32($1) } }
    /// Sender of the SDES behind the report, and its CNAME.
    var cname: (ssrc: UInt32, text: String)? {
        let found: [(UInt32, String)] = all { packet, compound in
            guard packet.type == RTCP.PacketType.sourceDescription else { return [] }
            let body = Array(octets[packet.body])
            guard body.count > 6, body[4] == 1, body.count >= 6 + Int(body[5]) else { return [] }
            let ssrc = body[0..<4].reduce(0) { $0 << 8 | UInt32($1) }
            return [(ssrc, String(decoding: body[6..<(6 + Int(body[5]))], as: UTF8.self))]
        }
        return found.first
    }
}

/// RTCP written octet by octet.
enum RTCPFixture {
    /// RFC 3550 §6.4.1, without blocks.
    static func senderReport(
        _ ssrc: UInt32, ntp: UInt64, rtp: UInt32, packets: UInt32 = 1, octets: UInt32 = 1
    ) -> [UInt8] {
        var bytes: [UInt8] = [0x80, 200, 0, 6]
        bytes.append(bigEndian: ssrc)
        bytes.append(bigEndian: ntp)
        for word in [rtp, packets, octets] { bytes.append(bigEndian: word) }
        return bytes
    }

    /// RFC 3550 §6.6, with a reason.
    static func bye(_ ssrcs: [UInt32], reason: String = "") -> [UInt8] {
        var text: [UInt8] = reason.isEmpty ? [] : [UInt8(reason.utf8.count)] + Array(reason.utf8)
        while text.count % 4 != 0 { text.append(0) }
        var bytes: [UInt8] = [0x80 | UInt8(ssrcs.count), 203, 0, UInt8(ssrcs.count + text.count / 4)]
        for ssrc in ssrcs { bytes.append(bigEndian: ssrc) }
        return bytes + text
    }

    /// RFC 4585 §6.3.1.
    static func pictureLoss(_ media: UInt32) -> [UInt8] {
        var bytes: [UInt8] = [0x81, 206, 0, 2, 0, 0, 0, 1]
        bytes.append(bigEndian: media)
        return bytes
    }

    /// RFC 4585 §6.2.1, an entry for each.
    static func nack(_ media: UInt32, _ numbers: [UInt16]) -> [UInt8] {
        var bytes: [UInt8] = [0x81, 205, 0, UInt8(2 + numbers.count), 0, 0, 0, 1]
        bytes.append(bigEndian: media)
        for number in numbers {
            bytes.append(bigEndian: number)
            bytes += [0, 0]
        }
        return bytes
    }

    /// RFC 5104 §4.3.1.
    static func intraRequest(_ entries: [(ssrc: UInt32, number: UInt8)]) -> [UInt8] {
        var bytes: [UInt8] = [0x84, 206, 0, UInt8(2 + 2 * entries.count), 0, 0, 0, 1, 0, 0, 0, 0]
        for entry in entries {
            bytes.append(bigEndian: entry.ssrc)
            bytes += [entry.number, 0, 0, 0]
        }
        return bytes
    }
}
