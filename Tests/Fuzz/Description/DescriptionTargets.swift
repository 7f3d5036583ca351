import SigmaSDP

/// The parsers of `SigmaSDP`: an offer is refused, or answered soundly.
let targets: [String: FuzzTarget] = [
    "sdp": { answerOffer(Array($0)) },
    "offer": { answerOffer(offerText($0)) },
    "trickle": { readFragment(Array($0)) },
]

/// SDP → offer → negotiation → answer → read again, as a publisher and as the viewer of several rooms.
private func answerOffer(_ bytes: [UInt8]) -> Int {
    let offer: Offer
    do {
        offer = try Offer(SessionDescription(parsing: bytes))
    } catch let error as SDPError {
        return error.detail.utf8.count
    } catch let error as NegotiationError {
        return error.detail.utf8.count
    } catch {
        return 0
    }
    var sum = 0
    do {
        sum &+= check(try Negotiation(publisherOffer: offer), of: bytes)
    } catch {
        sum &+= error.detail.utf8.count &+ error.problem.utf8.count
    }
    // One room for each input keeps the rate up; its length chooses, so that a finding is repeatable.
    do {
        let room = rooms[bytes.count % rooms.count]
        sum &+= check(try Negotiation(viewerOffer: offer, publisher: room), of: bytes)
    } catch {
        sum &+= error.detail.utf8.count &+ error.problem.utf8.count
    }
    return sum
}

private func check(_ negotiation: Negotiation, of offer: [UInt8]) -> Int {
    var negotiation = negotiation
    var random = Numbers()
    negotiation.assignSSRCs(using: &random)
    expect(!negotiation.fingerprints.isEmpty, "accepted without a fingerprint")
    expect(!negotiation.media.isEmpty, "accepted without media")
    for media in negotiation.media {
        expect(media.mid.utf8.count <= Negotiation.maximumMidLength, "a mid longer than media keeps")
        expect(!(64...95).contains(media.payloadType), "a payload type that collides with RTCP")
        expect(media.rids.count <= Negotiation.maximumRids, "more layers than media keeps")
    }
    let answer = negotiation.answer(local)
    // To read all three again takes most of the time; the length chooses, so that a finding is repeatable.
    guard offer.count % 4 == 0 else { return answer.utf8.count }
    let findings = inconsistencies(of: answer, with: String(decoding: offer, as: UTF8.self))
    expect(findings.isEmpty, "\(findings)\n\(answer)")
    return answer.utf8.count
}

/// RFC 8840 §9.
private func readFragment(_ bytes: [UInt8]) -> Int {
    do throws(TrickleError) {
        let fragment = try TrickleFragment(parsing: bytes)
        return fragment.candidateCount &+ fragment.mids.count &+ (fragment.isEndOfCandidates ? 1 : 0)
    } catch {
        return error.detail.utf8.count &+ error.problem.utf8.count
    }
}

private let rooms: [PublishedMedia] = [
    room("42e01f", mode: 1), room("64001f", mode: 0), room("42001f", mode: 1, hasAudio: false),
    PublishedMedia(audio: PublishedMedia.Audio(isStereo: true), video: nil),
]

private func room(_ profile: String, mode: Int, hasAudio: Bool = true) -> PublishedMedia {
    PublishedMedia(
        audio: hasAudio ? PublishedMedia.Audio() : nil,
        video: H264Profile(parsing: profile).map {
            PublishedMedia.Video(profile: $0, packetizationMode: mode)
        })
}

private let local: LocalDescription = {
    guard let credentials = ICECredentials(ufrag: "aaaa", password: "p234567890123456789012"),
        let fingerprint = Fingerprint(.sha256, digest: Array(0..<32))
    else { fatalError("the local side does not parse") }
    return LocalDescription(
        sessionID: 7, credentials: credentials, fingerprint: fingerprint,
        candidates: [
            Candidate(address: "203.0.113.9", port: 5004), Candidate(address: "2001:db8::9", port: 5004),
        ], cname: "cname", streamID: "room")
}()

/// The same numbers for every input.
private struct Numbers: RandomNumberGenerator {
    private var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}

// What Tests/SigmaSDPTests/Consistency.swift, which is built in, has from its own suite.
extension SessionDescription.Media {
    func values(_ name: String) -> [String] { attributes.filter { $0.name == name }.map(\.value) }
    func has(_ name: String) -> Bool { attributes.contains { $0.name == name } }
}
