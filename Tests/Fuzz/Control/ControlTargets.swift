import SigmaControl
import SwiftProtobuf

/// The control protocol: frames however the stream is cut, then the messages in them.
let targets: [String: FuzzTarget] = [
    "frame": { cutFrames(Array($0)) },
    "message": { readMessage(Array($0)) },
]

/// The first octet says where the stream is cut.
private func cutFrames(_ input: [UInt8]) -> Int {
    guard let first = input.first else { return 0 }
    let stream = input.dropFirst()
    let whole = decode(stream, step: max(1, stream.count))
    let parts = decode(stream, step: Int(first) + 1)
    expect(whole.payloads == parts.payloads, "the payloads depend on how the stream is cut")
    expect(whole.error == parts.error, "the error depends on how the stream is cut")
    for payload in whole.payloads {
        expect((1...ControlFrame.maximumLength).contains(payload.count), "a payload of forbidden length")
    }
    return whole.payloads.reduce(0) { $0 &+ $1.count &+ readMessage($1) }
}

private func decode(_ stream: ArraySlice<UInt8>, step: Int) -> (payloads: [[UInt8]], error: FrameError?) {
    var decoder = FrameDecoder()
    var payloads: [[UInt8]] = []
    var rest = stream
    do throws(FrameError) {
        while !rest.isEmpty {
            decoder.append(rest.prefix(step))
            rest = rest.dropFirst(step)
            while let payload = try decoder.next() { payloads.append(payload) }
        }
    } catch {
        return (payloads, error)
    }
    return (payloads, nil)
}

/// Both messages of the schema; what is read and written again stays the same.
private func readMessage(_ payload: [UInt8]) -> Int {
    rewrite(ClientMessage.self, payload) &+ rewrite(MediaMessage.self, payload)
}

private func rewrite<Message: ControlMessage & Equatable>(_: Message.Type, _ payload: [UInt8]) -> Int {
    guard let message = try? Message(payload: payload) else { return 0 }
    guard let frame = try? message.frame() else { return 1 }
    let again = try? Message(payload: Array(frame.dropFirst(ControlFrame.headerLength)))
    // The messages, not their octets: a map is written in any order.
    expect(again == message, "a message does not survive writing")
    return frame.count
}
