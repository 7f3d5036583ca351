internal import CSigmaSystem

/// The cores that this process may run on.
package enum Processors {
    /// As its affinity says, which service managers and containers set; at least 1.
    package static var count: Int { max(1, Int(CSigma_processorCount())) }
}
