import SigmaCore
import SigmaCrypto
import SigmaWire

/// SRTP of one peer of the truth tests, whose packets name their numbers themselves.
final class TruthTransform {
    private let sender: SRTPSender
    private let receiver: SRTPReceiver
    private let profile: SRTPProfile
    private var sent: [UInt32: IngressRecord] = [:]
    private var received: [UInt32: IngressRecord] = [:]
    private var nextRTCPIndex: UInt32 = 0

    init(_ master: SRTPKeys) throws(SRTPError) {
        let keys = SRTPSessionKeys(master)
        sender = try SRTPSender(keys)
        receiver = try SRTPReceiver(keys)
        profile = master.profile
    }

    func protectRTP(_ plain: [UInt8]) -> [UInt8]? {
        guard let headerLength = RTP.headerLength(of: plain.span.bytes) else { return nil }
        let ssrc = plain.span.bytes.bigEndian(UInt32.self, at: 8)
        let index = sent[ssrc, default: IngressRecord()].index(
            of: plain.span.bytes.bigEndian(UInt16.self, at: 2))
        sent[ssrc, default: IngressRecord()].note(index)
        return transform(plain, room: profile.rtpOverhead) { span in
            self.sender.sealRTP(
                plain.span.bytes.extracting(headerLength...), behind: headerLength, in: &span, ssrc: ssrc,
                index: index)
        }
    }

    func protectRTCP(_ plain: [UInt8]) -> [UInt8]? {
        nextRTCPIndex += 1
        return transform(plain, room: profile.rtcpOverhead) { span in
            self.sender.sealRTCP(&span, length: plain.count, index: self.nextRTCPIndex)
        }
    }

    /// Finds the index by trial, so that a sender's fault is seen where a real receiver would see a replay.
    ///
    /// - Returns: Also whether the index is the one that RFC 3711 §3.3.1 makes of the number.
    func unprotectRTP(_ datagram: [UInt8]) -> (plain: [UInt8], index: UInt64, isExpected: Bool)? {
        guard datagram.count >= RTP.fixedHeaderLength else { return nil }
        let ssrc = datagram.span.bytes.bigEndian(UInt32.self, at: 8)
        let expected = received[ssrc, default: IngressRecord()]
            .index(of: datagram.span.bytes.bigEndian(UInt16.self, at: 2))
        for wraps in [0, 1, -1, 2, -2] as [Int64] {
            let index = UInt64(bitPattern: Int64(expected) + wraps << 16)
            guard index < 1 << 48 else { continue }
            let plain = transform(datagram, room: 0) { span in
                (try? self.receiver.openRTP(&span, length: datagram.count, index: index)) ?? 0
            }
            guard let plain else { continue }
            received[ssrc, default: IngressRecord()].note(index)
            return (plain, index, wraps == 0)
        }
        return nil
    }

    func unprotectRTCP(_ datagram: [UInt8]) -> [UInt8]? {
        guard let index = receiver.rtcpIndex(datagram.span.bytes) else { return nil }
        return transform(datagram, room: 0) { span in
            (try? self.receiver.openRTCP(&span, length: datagram.count, index: index)) ?? 0
        }
    }

    private func transform(
        _ octets: [UInt8], room: Int, _ body: (inout MutableRawSpan) -> Int
    ) -> [UInt8]? {
        var buffer = octets + [UInt8](repeating: 0, count: room)
        var elements = buffer.mutableSpan
        var span = elements.mutableBytes
        let length = body(&span)
        return length > 0 ? Array(buffer.prefix(length)) : nil
    }
}
