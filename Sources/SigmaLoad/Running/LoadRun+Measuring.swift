import Glibc
import SigmaSystem

extension ServerCost {
    mutating func noteConnected() { timeConnected = process.processorTime() }

    mutating func noteOpen() { timeAtOpen = process.processorTime() }

    mutating func noteClose() {
        timeAtClose = process.processorTime()
        residentAtClose = process.residentKiB()
        peak = process.peakKiB()
    }
}

extension LoadRun {
    func openWindow() {
        results.open = snapshot()
        results.restartJoins(keeping: options.connects == 0)
        isMeasuring = true
        for index in results.servers.indices { results.servers[index].noteOpen() }
    }

    func closeWindow() {
        for index in results.servers.indices { results.servers[index].noteClose() }
        isMeasuring = false
        results.close = snapshot()
        let viewers = slots.compactMap { $0.flatMap { clients[$0] } }
        results.connected = viewers.filter { $0.isLive && $0.phase == .connected }.count
        results.samples = results.departedSamples + viewers.filter(\.decrypts).map(\.peer)
        let publishers = publications.compactMap { clients[$0.index] }
        results.publishersConnected = publishers.filter { $0.isLive && $0.phase == .connected }.count
        results.keyframeRequests = publishers.reduce(0) { $0 + $1.keyframeRequests }
        results.refusedDatagrams = clients.reduce(0) { $0 + ($1?.refusedDatagrams ?? 0) }
    }

    private func snapshot() -> LoadResults.Snapshot {
        var snapshot = LoadResults.Snapshot()
        snapshot.time = SystemClock.monotonic()
        snapshot.tally = counters.reduce(results.departed) { $0 + $1.tally }
        snapshot.sentPackets = results.sentPackets
        snapshot.processorTime = SystemClock.processorTime()
        snapshot.drops = clients.reduce(results.departedDrops) { $0 + ($1?.droppedDatagrams() ?? 0) }
        return snapshot
    }

    /// One line, written over the last one on a terminal.
    func showProgress(at now: Int64) {
        let isTerminal = isatty(STDERR_FILENO) == 1
        guard options.showsProgress ?? isTerminal else { return }
        let tally = counters.reduce(results.departed) { $0 + $1.tally }
        let connected = slots.count { slot in slot.flatMap { clients[$0] }?.phase == .connected }
        let rate = progress.map { last in
            Double(tally.packets - last.packets) * 1e9 / Double(max(1, now - last.time))
        }
        progress = (tally.packets, now)
        var line = "\(connected)/\(slots.count) viewers, \(joining.count) joining"
        if let rate { line += ", \(Int(rate)) packets/s" }
        line += ", \(tally.lost) lost"
        if let p99 = results.latency.percentile(0.99) { line += ", p99 \(p99 / 1000) µs" }
        if options.connects > 0 { line += ", \(results.connectsDone) of \(options.connects) connects" }
        let octets = Array(((isTerminal ? "\r\u{1B}[K" : "") + line + (isTerminal ? "" : "\n")).utf8)
        write(STDERR_FILENO, octets, octets.count)
    }

    func endProgress() {
        guard isatty(STDERR_FILENO) == 1 else { return }
        let octets = Array("\r\u{1B}[K".utf8)
        write(STDERR_FILENO, octets, octets.count)
    }
}
