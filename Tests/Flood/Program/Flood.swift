import CFlood
import Glibc
import SigmaSystem

/// Sends the table at a rate and keeps account of what went out.
struct Flood {
    private let options: FloodOptions
    private let table: FrameTable
    private let descriptor: Int32
    private var sent = 0
    private var refused = 0
    private var perSecond: [Int] = []

    private static let burst = 64

    /// - Throws: What keeps the packet socket from opening.
    init(_ options: FloodOptions) throws(FloodOptions.Mistake) {
        descriptor = CFlood_open(options.interface)
        guard descriptor >= 0 else {
            throw .init(
                line: "cannot send frames out of \(options.interface): \(String(cString: strerror(errno)))")
        }
        self.options = options
        table = FrameTable(options)
    }

    mutating func run() -> String {
        let begin = SystemClock.monotonic()
        let end = begin + Int64(options.seconds * 1e9)
        var now = begin
        while now < end {
            let elapsed = Double(now - begin) / 1e9
            let second = Int(elapsed)
            while perSecond.count <= second { perSecond.append(0) }
            let due = options.rate == 0 ? Self.burst : min(Int(elapsed * Double(options.rate)) - sent, 512)
            if due >= Self.burst || options.rate < 20_000 && due > 0 {
                perSecond[second] += send(due)
            } else {
                // A burst is due every 64 intervals; half of that keeps the rate even.
                usleep(100)
            }
            now = SystemClock.monotonic()
        }
        return report(seconds: Double(now - begin) / 1e9)
    }

    /// - Returns: How many were sent or refused.
    private mutating func send(_ count: Int) -> Int {
        var done = 0
        while done < count {
            let place = sent % FrameTable.count
            let part = min(count - done, Self.burst, FrameTable.count - place)
            let taken = table.octets.withUnsafeBufferPointer { octets in
                table.lengths.withUnsafeBufferPointer { lengths in
                    CFlood_send(
                        descriptor, octets.baseAddress.map { $0 + place * FrameTable.stride },
                        FrameTable.stride,
                        lengths.baseAddress.map { $0 + place }, UInt32(part))
                }
            }
            // What the kernel has no room for is gone, as on a wire.
            if taken < 0 { refused += part }
            let passed = taken < 0 ? part : Int(taken)
            sent += passed
            done += passed
        }
        return done
    }

    private func report(seconds: Double) -> String {
        let rate = Int(Double(sent - refused) / seconds)
        // The last second is not whole.
        let slowest = perSecond.dropLast().min() ?? rate
        return """
            {"kind":"\(options.kind.rawValue)","sent":\(sent - refused),"refused":\(refused),\
            "rate":\(rate),"slowest_second":\(slowest)}
            """
    }
}
