import Glibc
import SigmaSystem

/// What a process of the server has cost, read from /proc.
struct ServerProcess {
    let pid: Int

    /// CPU time of its threads, ns, without those that have ended; `nil` when there is no such process.
    func processorTime() -> Int64? {
        guard let folder = opendir("/proc/\(pid)/task") else { return nil }
        defer { closedir(folder) }
        var sum: Int64 = 0
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { octets in
                String(decoding: octets.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard Int(name) != nil,
                let line = try? Files.octets(of: "/proc/\(pid)/task/\(name)/schedstat"),
                let time = String(decoding: line, as: UTF8.self).split(separator: " ").first.flatMap({
                    Int64($0)
                })
            else { continue }
            sum += time
        }
        return sum
    }

    /// Resident memory now, KiB.
    func residentKiB() -> Int? { status("VmRSS:") }

    /// The most it ever was, KiB.
    func peakKiB() -> Int? { status("VmHWM:") }

    private func status(_ name: String) -> Int? {
        guard let octets = try? Files.octets(of: "/proc/\(pid)/status") else { return nil }
        for line in String(decoding: octets, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if fields.first.map(String.init) == name, fields.count > 1 { return Int(fields[1]) }
        }
        return nil
    }
}

/// What the processes of the server cost over a run.
struct ServerCost {
    let process: ServerProcess
    /// Before the first join.
    let timeBefore: Int64?
    let residentBefore: Int?
    /// When the last viewer had connected.
    var timeConnected: Int64?
    var timeAtOpen: Int64?
    var timeAtClose: Int64?
    var residentAtClose: Int?
    var peak: Int?

    init(pid: Int) {
        process = ServerProcess(pid: pid)
        timeBefore = process.processorTime()
        residentBefore = process.residentKiB()
    }

    var windowSeconds: Double? { Self.seconds(timeAtOpen, timeAtClose) }

    var connectSeconds: Double? { Self.seconds(timeBefore, timeConnected) }

    private static func seconds(_ first: Int64?, _ last: Int64?) -> Double? {
        guard let first, let last else { return nil }
        return Double(last - first) / 1e9
    }
}
