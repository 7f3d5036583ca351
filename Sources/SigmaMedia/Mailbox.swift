internal import SigmaSystem
internal import Synchronization

/// Messages between threads that may not be lost, and are few: commands, answers, events, handshakes.
///
/// Whoever reads waits on the descriptor of `bell`, which several mailboxes may share.
final class Mailbox<Message: Sendable>: Sendable {
    private let messages = Mutex<[Message]>([])
    private let bell: Bell

    init(_ bell: Bell) { self.bell = bell }

    func post(_ message: Message) {
        messages.withLock { $0.append(message) }
        bell.ring()
    }

    func post(_ several: [Message]) {
        guard !several.isEmpty else { return }
        messages.withLock { $0 += several }
        bell.ring()
    }

    /// What has come since the last call, in its order.
    func takeAll() -> [Message] {
        messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }
}

/// Wakes the thread that waits on its descriptor.
final class Bell: Sendable {
    private let counter: EventCounter

    init() throws(SystemError) { counter = try EventCounter() }

    var number: Int32 { counter.number }
    func ring() { counter.signal() }
    func silence() { counter.clear() }
}
