internal import CSigmaSystem

/// SIGTERM and SIGINT as something to read; every other thread must have inherited the mask.
package struct TerminationSignals: ~Copyable {
    private let descriptor: Descriptor

    package init() throws(SystemError) {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        CSigma_ignoreSIGPIPE()
        descriptor = try .checked(
            signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK)), "signalfd")
    }

    package var number: Int32 { descriptor.number }
}
