package import SigmaWire

/// What happened to a peer, in order.
package enum PeerEvent: Equatable, Sendable {
    /// ICE nominated this path; again after the local address changed.
    case pathSelected(Path)
    /// DTLS is done, the server's certificate is the announced one, media may flow.
    case connected(ProtectionProfile)
    /// A PLI or FIR named one of our streams.
    case keyframeRequested(ssrc: UInt32, KeyframeRequest)
    /// A generic NACK named this packet (RFC 4585 §6.2.1).
    case retransmissionRequested(ssrc: UInt32, number: UInt16)
    /// The server said when packets came, by transport-wide number.
    case transportFeedback(TransportFeedbackFromServer)
    /// REMB: the server wants to be sent at most this, bit/s.
    case bitrateEstimated(UInt64)
    /// The first keyframe of which every packet came.
    case firstFrame(ssrc: UInt32)
    /// The server said that this source ends (RFC 3550 §6.6).
    case bye(ssrc: UInt32)
    /// The server's close_notify.
    case closedByServer
    /// 30 s without an answered check (RFC 7675 §5.1).
    case consentExpired
    case failed(PeerError)
}

package enum KeyframeRequest: Equatable, Sendable { case pictureLoss, fullIntra }

/// How a peer behaves.
package struct PeerConfiguration: Sendable {
    package var role: PeerRole
    /// Where its datagrams come from: the base of its host candidate.
    package var localAddress: Address
    /// Makes everything random but the keys.
    package var seed: UInt64
    package var setup = OfferedSetup.actpass
    /// In order of preference.
    package var profiles: [ProtectionProfile] = [.aeadAES128GCM, .aes128CMSHA1_80]
    /// `false` for a DTLS client without a certificate.
    package var showsCertificate = true
    package var video = SyntheticVideo.Settings()
    /// Nanoseconds from one audio packet to the next; 20 ms as browsers send, more to spend less.
    package var audioInterval: Int64 = 20_000_000
    /// `false`: the caller makes the media and hands it over by ``Peer/send(_:of:at:marker:)``.
    package var makesMedia = true
    /// `false`: the caller counts the RTP itself and keeps it from the peer; the receiver reports say what
    /// ``Peer/suppliedReports`` holds.
    package var countsMedia = true
    /// `false` for one that ignores PLI and FIR, as OBS does.
    package var answersKeyframeRequests = true
    /// What is done about lost video.
    package var repair = RepairSettings()
    /// What a publisher offers, and does when it is agreed on.
    package var bandwidthFeedback = OfferedBandwidthFeedback.none
    /// Of the publisher's wall clock at the first media packet, Unix time in ns.
    package var wallClock: Int64 = 1_700_000_000_000_000_000

    package init(role: PeerRole, localAddress: Address, seed: UInt64) {
        self.role = role
        self.localAddress = localAddress
        self.seed = seed
    }
}
