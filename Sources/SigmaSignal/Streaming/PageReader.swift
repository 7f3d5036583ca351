import Synchronization

/// Reads pages of the log for clients who are behind: one at a time, and no more than a quarter of the time.
///
/// Whoever asks for the whole history, on as many connections as it has, costs others no more than that. Pages are
/// read in the order in which they were asked for.
final class PageReader: Sendable {
    private let log: any EventLog
    /// Ends when the next page may be read.
    private let last = Mutex<Task<Void, Never>?>(nil)

    /// Events of a page, at most.
    private static let length = 256

    init(_ log: any EventLog) { self.log = log }

    /// What follows a number; see ``EventLog/events(after:limit:)``.
    func page(after sequence: Int64) async throws -> [LoggedEvent] {
        let reading = last.withLock { last in
            let (previous, log) = (last, log)
            let reading = Task {
                await previous?.value
                let begin = ContinuousClock.now
                let result = await Result { try await log.events(after: sequence, limit: Self.length) }
                return (result, ContinuousClock.now - begin)
            }
            last = Task {
                let (_, effort) = await reading.value
                try? await Task.sleep(for: effort * 3)
            }
            return reading
        }
        return try await reading.value.0.get()
    }
}

extension Result where Failure == any Error, Success: Sendable {
    /// What an asynchronous function returns or throws.
    fileprivate init(_ body: @Sendable () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
