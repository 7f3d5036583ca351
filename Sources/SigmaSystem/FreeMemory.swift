internal import CSigmaSystem

/// What the heap keeps of memory that was freed.
package enum FreeMemory {
    /// Gives whole pages of it back to the kernel: milliseconds for a large heap.
    package static func giveBack() { malloc_trim(0) }
}
