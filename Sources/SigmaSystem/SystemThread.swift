internal import CSigmaSystem

/// A thread of the operating system that runs one function.
package struct SystemThread: ~Copyable, Sendable {
    private let thread: pthread_t

    /// - Parameters:
    ///   - name: At most 15 octets, for `ps -L` and debuggers.
    ///   - body: Runs once; the thread ends with it.
    package init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let box = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        guard code == 0 else {
            box.release()
            throw SystemError(call: "pthread_create", code: code)
        }
        pthread_setname_np(thread, name)
        self.thread = thread
    }

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Its CPU time; to be read while it runs.
    package var clock: ThreadClock {
        var number = clockid_t()
        return ThreadClock(number: pthread_getcpuclockid(thread, &number) == 0 ? number : nil)
    }

    /// Waits for its end.
    package consuming func join() { pthread_join(thread, nil) }
}

/// How long a thread has run on a core (pthread_getcpuclockid(3)).
package struct ThreadClock: Sendable {
    // An Int32, not its C name: who imports this would have to import that, too.
    fileprivate let number: Int32?

    /// Nanoseconds; 0 when the kernel does not say, or the thread has ended.
    package func processorTime() -> Int64 { number.map { SystemClock.read($0) } ?? 0 }
}
