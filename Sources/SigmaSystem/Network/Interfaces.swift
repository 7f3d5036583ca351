internal import CSigmaSystem
package import SigmaWire

/// The host's IPv4 addresses, asked of a UDP socket: an inherited one sees the host's interfaces even where
/// the process itself has a network namespace without any.
package enum Interfaces {
    /// - Parameters:
    ///   - descriptor: Any socket.
    ///   - port: Set in the results.
    /// - Returns: Addresses without loopback and link-local ones, in the kernel's order.
    package static func addresses(seenBy descriptor: Int32, port: UInt16) -> [Address] {
        let limit = 64
        var requests = [ifreq](repeating: ifreq(), count: limit)
        var configuration = ifconf()
        let found = requests.withUnsafeMutableBufferPointer { buffer -> Int in
            configuration.ifc_len = Int32(limit * MemoryLayout<ifreq>.stride)
            configuration.ifc_ifcu.ifcu_req = buffer.baseAddress
            guard CSigma_SIOCGIFCONF(descriptor, &configuration) == 0 else { return 0 }
            return Int(configuration.ifc_len) / MemoryLayout<ifreq>.stride
        }
        return requests[0..<min(found, limit)].compactMap { request in
            withUnsafeBytes(of: request.ifr_ifru.ifru_addr) { octets -> Address? in
                let name = octets.loadUnaligned(as: sockaddr_in.self)
                guard name.sin_family == sa_family_t(AF_INET) else { return nil }
                let address = Address(v4: UInt32(bigEndian: name.sin_addr.s_addr), port: port)
                let isLinkLocal = UInt32(truncatingIfNeeded: address.low) >> 16 == 0xA9FE
                return address.isLoopback || isLinkLocal ? nil : address
            }
        }
    }
}
