internal import CSigmaSystem

/// Waits for many descriptors at once (epoll, level-triggered).
package struct EventPoll: ~Copyable {
    private let descriptor: Descriptor
    private var events: [epoll_event]

    package init() throws(SystemError) {
        descriptor = try .checked(epoll_create1(Int32(EPOLL_CLOEXEC)), "epoll_create1")
        events = Array(repeating: epoll_event(), count: 64)
    }

    /// What is ready.
    package struct Ready: Equatable, Sendable {
        package let descriptor: Int32
        package let canRead: Bool
        package let canWrite: Bool
    }

    package borrowing func add(_ number: Int32) throws(SystemError) {
        try control(EPOLL_CTL_ADD, number, EPOLLIN.rawValue)
    }

    /// - Parameter wantsToWrite: Whether to be told as well when there is room to write.
    package borrowing func change(_ number: Int32, wantsToWrite: Bool) throws(SystemError) {
        try control(EPOLL_CTL_MOD, number, EPOLLIN.rawValue | (wantsToWrite ? EPOLLOUT.rawValue : 0))
    }

    package borrowing func remove(_ number: Int32) {
        _ = epoll_ctl(descriptor.number, EPOLL_CTL_DEL, number, nil)
    }

    private borrowing func control(
        _ operation: Int32, _ number: Int32, _ interest: UInt32
    ) throws(SystemError) {
        var event = epoll_event()
        event.events = interest
        event.data.fd = number
        guard epoll_ctl(descriptor.number, operation, number, &event) == 0 else { throw .last("epoll_ctl") }
    }

    /// - Parameter milliseconds: -1 waits for ever.
    package mutating func wait(milliseconds: Int32) throws(SystemError) -> [Ready] {
        let count = epoll_wait(descriptor.number, &events, Int32(events.count), milliseconds)
        if count < 0 {
            if errno == EINTR { return [] }
            throw .last("epoll_wait")
        }
        let failure = EPOLLERR.rawValue | EPOLLHUP.rawValue
        return events[0..<Int(count)].map { event in
            Ready(
                descriptor: event.data.fd, canRead: event.events & (EPOLLIN.rawValue | failure) != 0,
                canWrite: event.events & EPOLLOUT.rawValue != 0)
        }
    }
}
