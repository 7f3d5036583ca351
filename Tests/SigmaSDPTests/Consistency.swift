import SigmaSDP

/// What every answer owes to its offer; the findings, none when it is right.
func inconsistencies(of answerText: String, with offerText: String) -> [String] {
    guard let answer = try? SessionDescription(parsing: Array(answerText.utf8)),
        let offer = try? SessionDescription(parsing: Array(offerText.utf8))
    else { return ["does not parse"] }
    var findings: [String] = []
    if answer.media.count != offer.media.count { findings.append("number of m-sections") }
    if !answerText.hasSuffix("\r\n") || answerText.utf8.contains(0) { findings.append("line ends") }
    let bundled = mids(bundledIn: answer)
    if !Set(bundled).isSubset(of: mids(bundledIn: offer)) { findings.append("BUNDLE not within the offer") }
    for (answered, offered) in zip(answer.media, offer.media) {
        findings += inconsistencies(of: answered, with: offered, bundled: bundled)
    }
    // Read as an offer, it is sound as well.
    let asOffer = answerText.replacing("a=ice-lite\r\n", with: "")
    if (try? SessionDescription(parsing: Array(asOffer.utf8))).flatMap({ try? Offer($0) }) == nil {
        findings.append("does not read as a description of ours")
    }
    return findings
}

private func mids(bundledIn description: SessionDescription) -> [String] {
    let groups = description.attributes.filter { $0.name == "group" }.map { $0.value.split(separator: " ") }
    return groups.first { $0.first == "BUNDLE" }?.dropFirst().map(String.init) ?? []
}

private func inconsistencies(
    of answered: SessionDescription.Media, with offered: SessionDescription.Media, bundled: [String]
) -> [String] {
    var findings: [String] = []
    func check(_ isRight: Bool, _ finding: String) {
        if !isRight { findings.append("\(finding) in the section of line \(answered.line)") }
    }
    let payloadTypes = Set(offered.formats)
    check(answered.media == offered.media, "kind")
    check(answered.transportProtocol == offered.transportProtocol, "proto")
    check(Set(answered.formats).isSubset(of: payloadTypes) && !answered.formats.isEmpty, "formats")
    check(answered.values("mid").first == offered.values("mid").first, "mid")
    let extensions = Set(offered.values("extmap").map(extensionIdentity))
    check(Set(answered.values("extmap").map(extensionIdentity)).isSubset(of: extensions), "extmap")
    for line in answered.values("rtpmap") {
        let name = line.lowercased()
        let isForbidden = ["red/", "ulpfec/", "flexfec", " cn/", "telephone-event/"].contains {
            name.contains($0)
        }
        check(!isForbidden, "forbidden codec")
        check(payloadTypes.contains(String(line.prefix { $0 != " " })), "rtpmap")
    }
    let feedback = Set(offered.values("rtcp-fb").flatMap { feedbackLines($0, of: offered.formats) })
    check(Set(answered.values("rtcp-fb")).isSubset(of: feedback), "rtcp-fb")
    if answered.port == 0 {
        check(!bundled.contains(answered.values("mid").first ?? ""), "rejected but bundled")
        check(answered.has("inactive"), "rejected but active")
        check(answered.values("candidate").isEmpty, "rejected but with candidates")
    } else {
        let directions = ["sendonly", "recvonly", "inactive"].filter { answered.has($0) }
        check(directions.count == 1, "direction")
        check(answered.has("rtcp-mux"), "rtcp-mux")
        check(answered.has("ice-ufrag") && answered.has("fingerprint"), "transport")
    }
    return findings
}

/// Id and URI without the direction.
private func extensionIdentity(_ value: String) -> String {
    let words = value.split(separator: " ")
    return "\(words.first?.prefix { $0 != "/" } ?? "") \(words.count > 1 ? words[1] : "")"
}

/// A line of `a=rtcp-fb` as it reads without `*` and spare spaces.
private func feedbackLines(_ value: String, of formats: [String]) -> [String] {
    let words = value.split(separator: " ").map { $0.lowercased() }
    let message = words.dropFirst().joined(separator: " ")
    return (words.first == "*" ? formats : [words.first ?? ""]).map { "\($0) \(message)" }
}
