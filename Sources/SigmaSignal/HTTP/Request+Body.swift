import Hummingbird
import NIOCore

/// Bounds on what is read of a request.
enum RequestBodyLimits {
    /// Longest body, in octets.
    static let octets = 65_536
}

extension Request {
    /// The whole body.
    ///
    /// - Parameter patience: How long it may take; `nil` for ever.
    /// - Throws: 413 beyond 64 KiB, where the length is given without reading; 408 when it takes too long,
    ///   400 when its chunks are malformed.
    func wholeBody(within patience: Duration?) async throws(Problem) -> [UInt8] {
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > RequestBodyLimits.octets {
            throw .bodyTooLarge
        }
        let body = self.body
        do {
            let buffer = try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
                group.addTask { try await body.collect(upTo: RequestBodyLimits.octets) }
                let timer = patience.map {
                    EventLoopExecutor.currentLoop.scheduleTask(in: TimeAmount($0)) { nil as ByteBuffer? }
                }
                if let timer { group.addTask { try await timer.futureResult.get() } }
                defer {
                    timer?.cancel()
                    group.cancelAll()
                }
                return try await group.next() ?? nil
            }
            guard let buffer else { throw Problem.bodyTooSlow }
            return Array(buffer.readableBytesView)
        } catch let problem as Problem {
            throw problem
        } catch is NIOTooManyBytesError {
            throw .bodyTooLarge
        } catch {
            throw .malformedBody
        }
    }

    /// Whether the Content-Type is `type`, parameters aside (RFC 9110 §8.3.1).
    func hasContentType(_ type: String) -> Bool {
        guard let value = headers[.contentType] else { return false }
        return value.prefix { $0 != ";" }.lowercased().trimmingBlanks == type
    }

    /// What `Authorization: Bearer …` has, its scheme in any case (RFC 9110 §11.1); `nil` without.
    var bearer: String? {
        guard let value = headers[.authorization] else { return nil }
        let words = value.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return String(words[1]).trimmingBlanks
    }

    /// The value of a query parameter, percent-decoded; `nil` where it is absent or empty.
    func query(_ name: String) -> String? {
        let value = uri.queryParameters[name[...]].map { String($0) }
        return value?.isEmpty == true ? nil : value
    }
}

extension String {
    /// Without spaces and tabs at either end.
    var trimmingBlanks: String {
        var rest = self[...]
        while rest.first == " " || rest.first == "\t" { rest = rest.dropFirst() }
        while rest.last == " " || rest.last == "\t" { rest = rest.dropLast() }
        return String(rest)
    }
}
