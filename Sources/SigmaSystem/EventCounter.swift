internal import CSigmaSystem

/// A wake-up between threads: an eventfd, non-blocking.
package struct EventCounter: ~Copyable, Sendable {
    private let descriptor: Descriptor

    package init() throws(SystemError) {
        descriptor = try .checked(eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)), "eventfd")
    }

    package var number: Int32 { descriptor.number }

    /// Makes the descriptor readable.
    package borrowing func signal() {
        var one: UInt64 = 1
        _ = write(descriptor.number, &one, MemoryLayout<UInt64>.size)
    }

    /// Makes it unreadable until the next signal.
    package borrowing func clear() {
        var count: UInt64 = 0
        _ = read(descriptor.number, &count, MemoryLayout<UInt64>.size)
    }
}
