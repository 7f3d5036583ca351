internal import SigmaCore
internal import SigmaEngine

/// What the control thread asks of a shard.
enum ShardCommand: Sendable {
    case open(ticket: UInt64, SessionRequest)
    case setPaused(ticket: UInt64, Bool, SessionID)
    /// - by: The user id of the client that asks for it.
    case close(ticket: UInt64, SessionID, EndReason, by: UInt32?)
    /// Of these sessions; of all when there are none.
    case statistics(ticket: UInt64, [SessionID])
    case relay(SessionDirectory.Instruction)
    /// Close every session, then carry on until ``finish``.
    case closeAll
    /// No handshake is under way any more: send what is left and end.
    case finish
}

/// What a shard tells the control thread, in the order in which it happened.
enum ShardReport: Sendable {
    case opened(ticket: UInt64, Result<ICECredentials, CommandError>)
    case done(ticket: UInt64, CommandError?)
    case statistics(ticket: UInt64, [SessionReport], [(String, UInt64)])
    case events([EventRecord])
    case closedAll
    case finished
    /// It cannot go on: the process has to be started anew.
    case failed(String)
}

/// What ties a shard to the other threads.
struct ShardWays: Sendable {
    let post: NeighbourPost
    let commands: Mailbox<ShardCommand>
    let results: Mailbox<HandshakeThread.Result>
    let reports: Mailbox<ShardReport>
    let handshakes: HandshakeThread
}
