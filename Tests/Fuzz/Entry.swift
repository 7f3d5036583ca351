import Glibc

/// Reads one input; what it returns is kept, so that the optimiser cannot leave the reading out.
typealias FuzzTarget = @Sendable (UnsafeRawBufferPointer) -> Int

nonisolated(unsafe) private var chosen: FuzzTarget = { _ in 0 }
nonisolated(unsafe) private var kept = 0

/// Called once by libFuzzer; `SIGMA_FUZZ_TARGET` names one of ``targets``.
@_cdecl("LLVMFuzzerInitialize")
func initializeFuzzer(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    let name = getenv("SIGMA_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = targets[name] else {
        print("SIGMA_FUZZ_TARGET is one of: \(targets.keys.sorted().joined(separator: " "))")
        exit(2)
    }
    chosen = target
    return 0
}

/// Called by libFuzzer with each input, which lies in memory of exactly its length.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ bytes: UnsafeRawPointer?, _ count: Int) -> CInt {
    kept = kept &+ chosen(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}

/// Ends the run with this input as its finding; unlike `precondition` it says why in an optimised build.
func expect(_ isRight: Bool, _ what: @autoclosure () -> String) {
    if !isRight { fatalError("found: \(what())") }
}
