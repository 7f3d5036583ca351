import NIOCore

/// What one client of a stream is sent, piece by piece.
///
/// Belongs to the client's event loop. It is asked only when the client takes octets, and keeps nothing for one that does not: what it gives then is the newest
/// there is.
protocol StreamSource: AnyObject {
    /// The next piece; `nil` while there is none.
    ///
    /// Ready to be shared: one encoding for all clients.
    func next() -> ByteBuffer?

    /// A sign of life, for a client that has all there is.
    func sign() -> ByteBuffer

    /// To be called when there is a next piece though nobody woke the hub; `nil` ends the stream.
    var ready: ((_ goesOn: Bool) -> Void)? { get set }
}

/// The times of a stream.
struct StreamTimes: Sendable {
    /// Between two signs of life.
    let sign: TimeAmount
    /// Least time between two rounds.
    let rest: TimeAmount
    /// How long a client may take nothing.
    let patience: TimeAmount
}
