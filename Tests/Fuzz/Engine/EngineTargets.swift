/// The whole engine's datagram input, by strangers and by authentic peers.
let targets: [String: FuzzTarget] = [
    "engine": { stranger.run($0) },
    "media": { media.run($0) },
]

nonisolated(unsafe) private let stranger: StrangerTarget = {
    do {
        return try StrangerTarget()
    } catch {
        fatalError("the engine does not start: \(error)")
    }
}()
nonisolated(unsafe) private let media = MediaTarget()
