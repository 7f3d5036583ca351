internal import CSigmaSystem

/// Memory behind a descriptor: a memfd, mapped shared and zeroed, which may outlive the process.
package struct SharedMemory: ~Copyable {
    package let base: UnsafeMutableRawPointer
    package let byteCount: Int
    private let descriptor: Descriptor

    /// - Parameter name: For `/proc/PID/maps`.
    package init(name: String, byteCount: Int) throws(SystemError) {
        let descriptor = try Descriptor.checked(memfd_create(name, UInt32(MFD_CLOEXEC)), "memfd_create")
        guard ftruncate(descriptor.number, byteCount) == 0 else { throw .last("ftruncate") }
        let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0)
        guard let base, CSigma_isMapFailed(base) == 0 else { throw .last("mmap") }
        // Keys lie in it.
        madvise(base, byteCount, MADV_DONTDUMP)
        self.base = base
        self.byteCount = byteCount
        self.descriptor = descriptor
    }

    deinit { munmap(base, byteCount) }
}
