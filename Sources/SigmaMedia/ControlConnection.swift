internal import SigmaControl
internal import SigmaCore
internal import SigmaSystem
internal import SwiftProtobuf

/// One client of the control protocol: its socket, what it has sent so far, what it has yet to read.
final class ControlConnection {
    let descriptor: Descriptor
    /// Whom the kernel says that it connects for; `nil` when it does not say.
    let userID: UInt32?
    var decoder = FrameDecoder()
    /// Said hello; before that nothing else is heard.
    var isKnown = false
    /// Where it stands in the journal; `nil` when it wants no events.
    var events: JournalCursor?
    /// Whether the poll tells of room to write.
    var isPolledForRoom = false
    private var output: [UInt8] = []
    private var sent = 0
    private(set) var isClosed = false

    /// A client that has not read this much is too slow, and is let go, octets.
    static let outputLimit = 4 << 20
    /// No more events are added above this, octets: they wait in the journal.
    private static let eventMark = 64 << 10

    init(_ descriptor: consuming Descriptor) {
        userID = descriptor.peerUserID
        self.descriptor = descriptor
    }

    var hasOutput: Bool { sent < output.count }
    var hasRoomForEvents: Bool { output.count - sent < Self.eventMark }

    func close() { isClosed = true }

    func send(_ message: MediaMessage) {
        guard !isClosed else { return }
        guard let payload: [UInt8] = try? message.serializedBytes(),
            let frame = try? ControlFrame.encode(payload)
        else {
            // A message of ours that does not fit its frame would leave the client waiting.
            close()
            return
        }
        // What is sent goes once it is half, so that the total work stays linear.
        if sent > 0, sent >= output.count - sent {
            output.removeSubrange(..<sent)
            sent = 0
        }
        output += frame
        if output.count - sent > Self.outputLimit { close() }
    }

    /// Writes as much as the socket takes.
    func flush() {
        while hasOutput, !isClosed {
            do throws(SystemError) {
                switch try descriptor.write(output[sent...]) {
                case .octets(let count): sent += count
                case .wouldBlock: return
                case .end: close()
                }
            } catch {
                close()
            }
        }
        if !hasOutput {
            output.removeAll(keepingCapacity: output.capacity < Self.eventMark)
            sent = 0
        }
    }

    /// Reads once and cuts what came into messages; a broken frame or message ends the connection.
    ///
    /// Once: a client that keeps its socket full has its turn again after media had its own.
    func receive() -> [ClientMessage] {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        var messages: [ClientMessage] = []
        do {
            switch try descriptor.read(into: &buffer) {
            case .octets(let count):
                decoder.append(buffer[0..<count])
                while let payload = try decoder.next() {
                    messages.append(try ClientMessage(serializedBytes: payload))
                }
            case .wouldBlock:
                break
            case .end:
                close()
            }
        } catch {
            close()
        }
        return messages
    }
}
