internal import SigmaEngine
internal import SigmaSystem
internal import SigmaWire

/// A socket of one shard; owned by its thread alone once that runs.
final class ShardSocket: @unchecked Sendable {
    private var socket: UDPSocket
    /// Another shard reads it; this one only sends.
    let isShared: Bool

    init(_ socket: consuming UDPSocket, isShared: Bool = false) {
        self.socket = socket
        self.isShared = isShared
    }

    var number: Int32 { socket.number }
    var localAddress: Address { socket.localAddress }
    var sharesPort: Bool { socket.sharesPort }
    var counters: [(String, UInt64)] { socket.counters(asReader: !isShared) }

    func add(to reading: inout LoadGauge.Reading) {
        reading.sendOverflows &+= socket.sendStatistics.overflows
        if !isShared { reading.receiveOverflows &+= socket.receiveOverflow }
    }

    func receive() throws(SystemError) -> Int { try socket.receive() }

    func withDatagram(_ place: Int, _ body: (inout MutableRawSpan, Int, Path, Int64) -> Void) {
        socket.withDatagram(place, body)
    }

    func send(_ batch: borrowing DatagramBatch) { socket.send(batch) }

    /// For a shard that has none of its own.
    func lend() throws(SystemError) -> ShardSocket {
        ShardSocket(try socket.duplicate(), isShared: true)
    }
}
