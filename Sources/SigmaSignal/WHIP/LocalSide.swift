package import SigmaControl
package import SigmaSDP
import SigmaSettings

/// Our side of a session: what an answer says beyond what was negotiated.
package struct LocalSide: Sendable, Equatable {
    package let candidates: [Candidate]
    package let fingerprint: SigmaSDP.Fingerprint
    /// RFC 7022 §4.2: 96 random bits, new for every session.
    package let cname: String
    private let room: RoomID

    /// - Throws: 500 where there is no address to offer, or no fingerprint of media's certificate.
    package init(hello: MediaHello, client: ClientConnection, room: RoomID) throws(Problem) {
        candidates = Self.candidates(hello: hello, client: client)
        guard !candidates.isEmpty else { throw .noCandidateAddress }
        let fingerprints = hello.certificateFingerprints.compactMap { SigmaSDP.Fingerprint($0) }
        guard
            let fingerprint = fingerprints.first(where: { $0.hashFunction == .sha256 }) ?? fingerprints.first
        else { throw .mediaAnswerUnusable }
        self.fingerprint = fingerprint
        self.room = room
        cname = SessionID().hexadecimal.prefix(24).lowercased()
    }

    /// - Throws: 500 where media's credentials break the grammar (RFC 8839 §5.4).
    package func description(_ opened: SessionOpened) throws(Problem) -> LocalDescription {
        guard let credentials = ICECredentials(ufrag: opened.localUfrag, password: opened.localPassword)
        else {
            throw .mediaAnswerUnusable
        }
        return LocalDescription(
            sessionID: .random(in: 1..<1 << 62), credentials: credentials, fingerprint: fingerprint,
            candidates: candidates, cname: cname, streamID: "room-\(room)")
    }

    /// The addresses to offer, the preferred first, none twice.
    ///
    /// What the operator advertises, or else the address that the client's TCP connection came to. That one
    /// says nothing behind a proxy, and clients on this machine that never check a loopback candidate
    /// (Firefox, libnice) need another: both get the addresses of the interfaces.
    package static func candidates(hello: MediaHello, client: ClientConnection) -> [Candidate] {
        var addresses = hello.advertised
        if addresses.isEmpty, !client.isThroughProxy, let local = client.localAddress, !local.isLinkLocal {
            let own: UDPAddress = message {
                $0.address = .init(local.shortestOctets)
                $0.port = hello.udpPort
            }
            addresses = local.isLoopback ? [own] + hello.interfaces : [own]
        }
        if addresses.isEmpty { addresses = hello.interfaces }
        var candidates: [Candidate] = []
        for address in addresses {
            let port = address.port == 0 ? hello.udpPort : address.port
            guard let ip = IPAddress(octets: address.address), let port = UInt16(exactly: port), port != 0,
                !ip.isUnspecified
            else { continue }
            let candidate = Candidate(address: ip.description, port: port)
            if !candidates.contains(candidate) { candidates.append(candidate) }
        }
        return candidates
    }
}
