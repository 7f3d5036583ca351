import Synchronization

/// The outcome of a change, which is there once it is durable or has failed.
package final class Pending<Value: Sendable>: Sendable {
    private struct State {
        var result: Result<Value, StoreError>?
        var waiters: [CheckedContinuation<Result<Value, StoreError>, Never>] = []
    }

    private let state = Mutex(State())

    package func value() async throws(StoreError) -> Value {
        let result = await withCheckedContinuation { continuation in
            let result = state.withLock { state in
                if state.result == nil { state.waiters.append(continuation) }
                return state.result
            }
            if let result { continuation.resume(returning: result) }
        }
        return try result.get()
    }

    func complete(_ result: Result<Value, StoreError>) {
        let waiters = state.withLock { state in
            state.result = result
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: result) }
    }
}
