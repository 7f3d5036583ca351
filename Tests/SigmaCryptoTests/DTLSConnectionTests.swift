import SigmaCrypto
import SigmaWire
import Testing

@Suite("DTLSConnection: RFC 6347, RFC 5764 §4, RFC 8122 §6.2")
struct DTLSConnectionTests {
    /// Passes datagrams to and fro until both are done or nothing moves.
    private func shakeHands(
        _ client: inout DTLSConnection, _ server: inout DTLSConnection,
        reorder: (inout [[UInt8]]) -> Void = { _ in }
    ) throws {
        _ = try client.start()
        for _ in 0..<20 {
            var flight = client.takeOutput()
            reorder(&flight)
            for datagram in flight { _ = try server.receive(datagram) }
            let answer = server.takeOutput()
            for datagram in answer { _ = try client.receive(datagram) }
            if flight.isEmpty, answer.isEmpty { return }
        }
    }

    @Test func `both sides derive the same SRTP keys, AEAD first`() throws {
        let a = try Identity(selfSignedForDays: 1)
        let b = try Identity(selfSignedForDays: 1)
        var client = try DTLSConnection(
            try DTLSContext(a), role: .client, expecting: [b.fingerprint])
        var server = try DTLSConnection(
            try DTLSContext(b), role: .server, expecting: [a.fingerprint])
        try shakeHands(&client, &server)
        #expect(client.isEstablished && server.isEstablished)
        let clientKeys = try client.exportKeys(role: .client)
        #expect(clientKeys.profile == .aeadAES128GCM)
        #expect("\(clientKeys)".contains("redacted"))
        let sender = try SRTPEnd(clientKeys)
        let receiver = try SRTPEnd(try server.exportKeys(role: .server))
        let plain = RTPFixture.packet(sequenceNumber: 1)
        let opened = try receiver.open(sender.seal(plain, index: 1), index: 1)
        #expect(opened == plain)
    }

    /// The alert of a datagram that is one unencrypted alert record (RFC 5246 §7.2).
    private func alert(_ datagram: [UInt8]) -> [UInt8]? {
        datagram.count == 15 && datagram[0] == 21 ? Array(datagram.suffix(2)) : nil
    }

    @Test(arguments: [DTLSRole.server, .client])
    func `a certificate that was not announced is refused with a fatal alert (RFC 8122 §6.2)`(
        refusing: DTLSRole
    ) throws {
        let a = try Identity(selfSignedForDays: 1)
        let b = try Identity(selfSignedForDays: 1)
        let isServer = refusing == .server
        var client = try DTLSConnection(
            try DTLSContext(a), role: .client, expecting: [isServer ? b.fingerprint : a.fingerprint])
        var server = try DTLSConnection(
            try DTLSContext(b), role: .server, expecting: [isServer ? b.fingerprint : a.fingerprint])
        var error: DTLSError?
        do throws(DTLSError) {
            _ = try client.start()
            for _ in 0..<6 {
                for datagram in client.takeOutput() { _ = try server.receive(datagram) }
                for datagram in server.takeOutput() { _ = try client.receive(datagram) }
            }
        } catch let thrown {
            error = thrown
        }
        #expect(error == .fingerprintMismatch)
        // fatal, bad_certificate
        if isServer { server.close() } else { client.close() }
        let output = isServer ? server.takeOutput() : client.takeOutput()
        #expect(output.last.flatMap(alert) == [2, 42])
        #expect(!server.isEstablished && !client.isEstablished)
    }

    @Test func `any one of several announced certificates is right (RFC 8122 §5)`() throws {
        let a = try Identity(selfSignedForDays: 1)
        let b = try Identity(selfSignedForDays: 1)
        var client = try DTLSConnection(
            try DTLSContext(a), role: .client, expecting: [a.fingerprint, b.fingerprint])
        var server = try DTLSConnection(
            try DTLSContext(b), role: .server, expecting: [b.fingerprint, a.fingerprint])
        try shakeHands(&client, &server)
        #expect(client.isEstablished && server.isEstablished)
    }

    @Test func `completes when the datagrams of a flight arrive in reverse`() throws {
        let identity = try Identity(selfSignedForDays: 1)
        var client = try DTLSConnection(
            try DTLSContext(identity), role: .client, expecting: [identity.fingerprint])
        var server = try DTLSConnection(
            try DTLSContext(identity), role: .server, expecting: [identity.fingerprint])
        try shakeHands(&client, &server) { $0.reverse() }
        #expect(client.isEstablished && server.isEstablished)
    }

    @Test func `close_notify ends the other side`() throws {
        let identity = try Identity(selfSignedForDays: 1)
        var client = try DTLSConnection(
            try DTLSContext(identity), role: .client, expecting: [identity.fingerprint])
        var server = try DTLSConnection(
            try DTLSContext(identity), role: .server, expecting: [identity.fingerprint])
        try shakeHands(&client, &server)
        server.close()
        var last = DTLSConnection.Step.inProgress
        for datagram in server.takeOutput() { last = try client.receive(datagram) }
        #expect(last == .closedByPeer)
    }

    @Test func `octets that are no DTLS are dropped without an answer`() throws {
        let identity = try Identity(selfSignedForDays: 1)
        var server = try DTLSConnection(
            try DTLSContext(identity), role: .server, expecting: [identity.fingerprint])
        #expect(try server.receive([22, 1, 2, 3]) == .inProgress)
        #expect(try server.receive([UInt8](repeating: 22, count: 1400)) == .inProgress)
        #expect(server.takeOutput().isEmpty)
    }

    @Test func `our own hello and one repetition fit three times FFmpeg's only check`() throws {
        let identity = try Identity(selfSignedForDays: 1)
        var client = try DTLSConnection(
            try DTLSContext(identity), role: .client, expecting: [identity.fingerprint])
        _ = try client.start()
        let hello = client.takeOutput()
        // A check of 104 octets allows 312; its answer over IPv6 takes 76 of them.
        #expect(hello.count == 1 && 76 + 2 * (hello.first?.count ?? 0) <= 312)
    }

    @Test func `a hello is believed when it brings the cookie back, and no earlier (RFC 6347 §4.2.1)`() throws
    {
        let identity = try Identity(selfSignedForDays: 1)
        let cookie = try DTLSConnection.makeCookie()
        var client = try DTLSConnection(
            try DTLSContext(identity), role: .client, expecting: [identity.fingerprint])
        _ = try client.start()
        let hello = try #require(client.takeOutput().first)
        var first = try DTLSConnection(
            try DTLSContext(identity), role: .server, expecting: [identity.fingerprint])
        let isBelieved = first.listen(hello, cookie: cookie)
        #expect(!isBelieved)
        // Shorter than what it answers, so nobody's traffic is amplified.
        let request = first.takeOutput()
        #expect(request.count == 1 && request[0].count < hello.count)

        _ = try client.receive(request[0])
        let second = try #require(client.takeOutput().first)
        #expect(ClientHelloHead(second) != ClientHelloHead(hello))
        var stranger = try DTLSConnection(
            try DTLSContext(identity), role: .server, expecting: [identity.fingerprint])
        let isFooled = stranger.listen(second, cookie: try DTLSConnection.makeCookie())
        #expect(!isFooled)
        var server = try DTLSConnection(
            try DTLSContext(identity), role: .server, expecting: [identity.fingerprint])
        let isVerified = server.listen(second, cookie: cookie)
        #expect(isVerified)
        _ = try server.start()
        for _ in 0..<5 {
            for datagram in server.takeOutput() { _ = try client.receive(datagram) }
            for datagram in client.takeOutput() { _ = try server.receive(datagram) }
        }
        #expect(client.isEstablished && server.isEstablished)
    }

    @Test func `the head of a ClientHello is read from a whole one only, cut anywhere`() throws {
        let identity = try Identity(selfSignedForDays: 1)
        var client = try DTLSConnection(
            try DTLSContext(identity), role: .client, expecting: [identity.fingerprint])
        _ = try client.start()
        let hello = try #require(client.takeOutput().first)
        #expect(ClientHelloHead(hello) != nil)
        for length in 0..<59 { #expect(ClientHelloHead(Array(hello.prefix(length))) == nil) }
        var encrypted = hello
        encrypted[4] = 1
        #expect(ClientHelloHead(encrypted) == nil)
    }

    @Test func `no handshake datagram is longer than the link MTU leaves room for`() throws {
        let identity = try Identity(selfSignedForDays: 1)
        var client = try DTLSConnection(
            try DTLSContext(identity), role: .client, expecting: [identity.fingerprint])
        var server = try DTLSConnection(
            try DTLSContext(identity), role: .server, expecting: [identity.fingerprint])
        var longest = 0
        try shakeHands(&client, &server) { flight in
            longest = max(longest, flight.map(\.count).max() ?? 0)
        }
        #expect(longest > 0 && longest <= 1200 - 48)
    }
}

@Suite("Identity")
struct IdentityTests {
    @Test func `says which of the two files is wrong`() {
        func error(_ certificate: String, _ key: String) -> IdentityError? {
            do throws(IdentityError) {
                _ = try Identity(certificatePEM: Array(certificate.utf8), keyPEM: Array(key.utf8))
                return nil
            } catch {
                return error
            }
        }
        #expect(error("", "") == .notACertificate)
        #expect(error("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "") == .notACertificate)
    }

    @Test func `a fingerprint has the length of its hash`() {
        #expect(CertificateFingerprint(hash: .sha256, digest: [UInt8](repeating: 0, count: 31)) == nil)
        #expect(CertificateFingerprint(hash: .sha512, digest: [UInt8](repeating: 0, count: 64)) != nil)
    }
}
