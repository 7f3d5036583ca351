internal import CSigmaTestNetwork
internal import SigmaSystem
internal import SigmaWire

/// Real sockets for tests, in a target of its own: a file that imports Testing cannot see the C types in them.
package enum SocketExchange {
    package struct Outcome: Sendable, Equatable {
        /// Every receiver got the datagrams it was to get, in their order.
        package var isExact = false
        package var failures: UInt64 = 0
        package var segmentationRefused: UInt64 = 0
        package var isSegmenting = false
    }

    package struct Failure: Error { package let description: String }

    /// Sends frames from one socket to three others, on loopback, which delivers before the call returns.
    package static func run(segment: Int, isSegmenting: Bool) throws -> Outcome {
        var sender = try UDPSocket(binding: Address(high: 0, low: 1, port: 0))
        sender.isSegmenting = isSegmenting
        var first = try UDPSocket(binding: Address(high: 0, low: 1, port: 0))
        var second = try UDPSocket(binding: Address(high: 0, low: 1, port: 0))
        var third = try UDPSocket(binding: Address(high: 0, low: 1, port: 0))
        var batch = DatagramBatch(capacity: 128)
        let expected = fill(
            &batch, to: [first.localAddress, second.localAddress, third.localAddress], segment: segment)
        sender.send(batch)
        var outcome = Outcome(sender)
        outcome.isExact =
            try drain(&first) == expected[0] && drain(&second) == expected[1] && drain(&third) == expected[2]
        return outcome
    }

    /// The same in a network namespace whose loopback interface has this MTU; root only.
    package static func run(segment: Int, mtu: Int32) throws -> Outcome {
        let answer = Answer()
        // A thread of its own, which leaves the namespace by ending.
        let thread = try SystemThread(name: "small-mtu") {
            let error = CSigmaTestNetwork_enter(mtu)
            answer.result = Result {
                if error != 0 { throw Failure(description: "no network namespace: errno \(error)") }
                return try run(segment: segment, isSegmenting: true)
            }
        }
        thread.join()
        return try answer.result.get()
    }

    /// Written by the thread, read after its end.
    private final class Answer: @unchecked Sendable {
        var result: Result<Outcome, any Error> = .failure(Failure(description: "the thread did not run"))
    }

    /// Four datagrams that the kernel refuses, since port 0 is no destination, and one that it takes.
    package static func runWithRefused() throws -> Outcome {
        var sender = try UDPSocket(binding: Address(v4: 0x7F00_0001, port: 0))
        var receiver = try UDPSocket(binding: Address(v4: 0x7F00_0001, port: 0))
        var batch = DatagramBatch(capacity: 16)
        let nowhere = Path(local: .unspecified, remote: Address(v4: 0x7F00_0001, port: 0))
        for _ in 0..<4 { batch.append([1, 2, 3], on: nowhere) }
        batch.append([4], on: Path(local: .unspecified, remote: receiver.localAddress))
        sender.send(batch)
        var outcome = Outcome(sender)
        outcome.isExact = try drain(&receiver) == [[4]]
        return outcome
    }

    /// A frame for each receiver in turn, three times: equal packets and a shorter last one.
    private static func fill(
        _ batch: inout DatagramBatch, to receivers: [Address], segment: Int
    ) -> [[[UInt8]]] {
        var expected = [[[UInt8]]](repeating: [], count: receivers.count)
        for round in 0..<3 {
            for (place, receiver) in receivers.enumerated() {
                for number in 0..<9 {
                    let length = number == 8 ? 200 + round : segment
                    let first = number + round * 50 + place
                    let octets = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7 + first) }
                    batch.append(octets, on: Path(local: .unspecified, remote: receiver))
                    expected[place].append(octets)
                }
            }
        }
        return expected
    }

    private static func drain(_ socket: inout UDPSocket) throws -> [[UInt8]] {
        var received: [[UInt8]] = []
        while case let count = try socket.receive(), count > 0 {
            for index in 0..<count {
                socket.withDatagram(index) { bytes, length, _, _ in
                    received.append(bytes.bytes.array(0..<length))
                }
            }
        }
        return received
    }
}

extension SocketExchange.Outcome {
    fileprivate init(_ socket: borrowing UDPSocket) {
        failures = socket.sendStatistics.failures
        segmentationRefused = socket.sendStatistics.segmentationRefused
        isSegmenting = socket.isSegmenting
    }
}
