import NIOCore
import NIOPosix

/// Runs tasks on an event loop.
///
/// What a connection's task does between two reads is short, so it need not go to another thread and back: that costs
/// several times the work itself.
final class EventLoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// The loop that runs the caller, else one of the process.
    static var currentLoop: any EventLoop {
        MultiThreadedEventLoopGroup.currentEventLoop ?? MultiThreadedEventLoopGroup.singleton.any()
    }

    /// One loop for four cores: a loop takes a thousand joins a second, the other cores are media's.
    ///
    /// To be called before the first use of NIO.
    static func limitLoops() {
        NIOSingletons.groupLoopCountSuggestion = max(1, System.coreCount / 4)
    }
}
