import Foundation
import SigmaSDP
import Testing

@Suite("Offers with random damage")
struct FuzzTests {
    private struct Corpus {
        let offers: [[UInt8]]
        let words: [[UInt8]]

        init() throws {
            let texts =
                try OfferFile.allCases.map { try $0.text } + [
                    minimalOffer(), minimalOffer(direction: "recvonly"),
                ]
            offers = texts.map { Array($0.utf8) }
            // Whole lines and numbers at the edges reach further than octets do.
            let edges = [
                "0", "65535", "65536", "4294967295", "99999999999999999999", "-1", "~", ";", "\u{0}", "é",
            ]
            let lines = texts.flatMap(\.lines).map { $0 + "\r\n" }
            words = (Array(Set(lines)).sorted() + edges).map { Array($0.utf8) }
        }
    }

    private func damaged(_ corpus: Corpus, using random: inout SplitMix64) -> [UInt8] {
        var bytes = corpus.offers.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &random)
            let end = Int.random(in: index...min(index + 40, bytes.count), using: &random)
            let word = corpus.words.randomElement(using: &random) ?? []
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.insert(UInt8.random(in: 0x20...0x7e, using: &random), at: index)
            case 2: bytes.removeSubrange(index..<end)
            case 3: bytes.insert(contentsOf: word, at: index)
            case 4: bytes.insert(contentsOf: word, at: lineStart(before: index, in: bytes))
            default: bytes.replaceSubrange(index..<end, with: bytes[index..<end].reversed())
            }
        }
        return bytes
    }

    private func lineStart(before index: Int, in bytes: [UInt8]) -> Int {
        bytes[..<index].lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
    }

    @Test func `20000 damaged offers are refused or answered soundly`() throws {
        let corpus = try Corpus()
        let local = try localDescription()
        let rooms = [room(), room(audio: false), room(video: "42001f"), room(video: "64001f", mode: 0)]
        var random = SplitMix64(seed: 20_260_401)
        var answered = 0
        for round in 0..<20_000 {
            let bytes = damaged(corpus, using: &random)
            _ = try? TrickleFragment(parsing: bytes)
            guard let offer = try? Offer(SessionDescription(parsing: bytes)) else { continue }
            let published = rooms[round % rooms.count]
            var negotiations = [
                try? Negotiation(publisherOffer: offer),
                try? Negotiation(viewerOffer: offer, publisher: published),
            ].compactMap { $0 }
            for index in negotiations.indices {
                negotiations[index].assignSSRCs(using: &random)
                let answer = negotiations[index].answer(local)
                let text = String(decoding: bytes, as: UTF8.self)
                let findings = inconsistencies(of: answer, with: text)
                if !findings.isEmpty { Issue.record("round \(round): \(findings)\n\(text)\n\(answer)") }
                answered += 1
            }
        }
        #expect(answered > 2_000)
    }

    @Test func `junk of any length is an error, never a trap`() {
        var random = SplitMix64(seed: 99)
        for _ in 0..<2_000 {
            let length = Int.random(in: 0...300, using: &random)
            let junk = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(throws: SDPError.self) { try SessionDescription(parsing: junk) }
            #expect(throws: SDPError.self) {
                try SessionDescription(parsing: Array("v=0\no=-\n".utf8) + [0x6d] + junk)
            }
        }
    }
}
