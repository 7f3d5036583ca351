/// Cuts a stream of octets, as it arrives, into the payloads of frames.
///
/// After every `append`, call `next` until it returns `nil`. An error is final: the stream has lost its
/// frame boundaries, and `next` throws it again.
///
/// - Complexity: Every octet is moved a bounded number of times, however the stream is cut.
package struct FrameDecoder: Sendable {
    private var buffer: [UInt8] = []
    /// Octets of `buffer` that are consumed.
    private var start = 0
    private var failure: FrameError?

    package init() {}

    /// Octets that wait for the rest of their frame.
    package var bufferedCount: Int { buffer.count - start }

    /// Adds octets as they were read.
    package mutating func append(_ chunk: some Collection<UInt8>) {
        guard failure == nil else { return }
        // Moving what is left only once at least as much was consumed keeps the total linear.
        if start > 0, start >= buffer.count - start {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer.append(contentsOf: chunk)
    }

    /// The next payload; `nil` until more octets arrive.
    ///
    /// - Throws: ``FrameError`` as soon as the length field is there, before its payload is.
    package mutating func next() throws(FrameError) -> [UInt8]? {
        if let failure { throw failure }
        guard bufferedCount >= ControlFrame.headerLength else { return nil }
        let header = buffer[start..<(start + ControlFrame.headerLength)]
        let length = Int(header.reduce(0 as UInt32) { $0 << 8 | UInt32($1) })
        if length == 0 || length > ControlFrame.maximumLength {
            let error: FrameError = length == 0 ? .empty : .tooLong(length)
            failure = error
            buffer = []
            start = 0
            throw error
        }
        let payloadStart = start + ControlFrame.headerLength
        guard buffer.count - payloadStart >= length else { return nil }
        start = payloadStart + length
        return Array(buffer[payloadStart..<start])
    }
}
