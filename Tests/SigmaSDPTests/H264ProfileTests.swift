import Foundation
import SigmaSDP
import Testing

@Suite("H264Profile: RFC 6184 §8.1")
struct H264ProfileTests {
    private func profile(_ text: String) throws -> H264Profile {
        try #require(H264Profile(parsing: text))
    }

    @Test(
        arguments: [
            ("42e01f", .constrainedBaseline), ("42401f", .constrainedBaseline),
            ("42c01f", .constrainedBaseline),
            ("42E01F", .constrainedBaseline), ("42f00b", .constrainedBaseline),
            ("4d801f", .constrainedBaseline), ("4de01f", .constrainedBaseline),
            ("58c01f", .constrainedBaseline),
            ("42001f", .baseline), ("42801f", .baseline), ("42a01f", .baseline), ("58801f", .baseline),
            ("4d001f", .main), ("4d401f", .main), ("58001f", .extended), ("58401f", .extended),
            ("64001f", .high), ("640034", .high), ("640c1f", .constrainedHigh), ("64081f", .high),
            ("6e001f", .high10), ("7a001f", .high422), ("f4001f", .high444Predictive),
        ] as [(String, H264Profile.Profile)])
    func `tells profiles by meaning (RFC 6184 §8.1, table 5)`(
        text: String, expected: H264Profile.Profile
    ) throws {
        #expect(try profile(text).profile == expected)
        #expect(try profile(text).text == text.lowercased())
    }

    @Test(arguments: ["", "42e01", "42e01f0", "42e01g", "+2e01f", "00001f", "2c001f", "6e101f", "ffffff"])
    func `refuses what is no profile or one that nobody sends`(text: String) {
        #expect(H264Profile(parsing: text) == nil)
    }

    @Test func `takes an absent profile-level-id for Baseline level 1 (RFC 6184 §8.1)`() {
        #expect(H264Profile.absent.text == "420010")
        #expect(H264Profile.absent == H264Profile(profileLevelID: 0x42_0010))
    }

    @Test(arguments: [
        ("42e01f", "42e01f", true), ("42001f", "42e01f", true), ("4d001f", "42e01f", true),
        ("64001f", "42e01f", true), ("640c1f", "42e01f", true), ("f4001f", "64001f", true),
        ("64001f", "4d001f", true), ("64001f", "640c1f", true), ("f4001f", "4d001f", true),
        ("58001f", "42001f", true), ("42401f", "42e034", true),
        ("42e01f", "42001f", false), ("4d001f", "42001f", false), ("64001f", "42001f", false),
        ("42e01f", "4d001f", false), ("42001f", "4d001f", false), ("640c1f", "64001f", false),
        ("640c1f", "4d001f", false), ("64001f", "f4001f", false), ("4d001f", "58001f", false),
    ])
    func `knows which decoder shows which stream (ITU-T H.264 §A.2)`(
        decoder: String, stream: String, expected: Bool
    ) throws {
        #expect(try profile(decoder).canDecode(profile(stream)) == expected)
    }

    @Test func `orders level 1b between 1 and 1.1, however it is spelt (RFC 6184 §8.1)`() throws {
        let rising = ["42e00a", "42f00b", "42e00b", "42e01f", "42e034"]
        let ranks = try rising.map { try profile($0).levelRank }
        #expect(ranks == ranks.sorted() && Set(ranks).count == rising.count)
        #expect(try profile("640009").levelRank == profile("42f00b").levelRank)
    }

    @Test(arguments: [
        ("42e01f", "42e02a", "42e02a"), ("42e01f", "640028", "42e028"), ("42e02a", "42e01f", "42e02a"),
        ("42e00a", "42f00b", "42f00b"), ("64000a", "42f00b", "640009"), ("42e00a", "640009", "42f00b"),
        ("42f00b", "42e00b", "42e00b"),
    ])
    func `raises the level and keeps the profile`(own: String, other: String, expected: String) throws {
        #expect(try profile(own).raised(toLevelOf: profile(other)).text == expected)
    }

    @Test func `survives storage, and a stored unknown profile is an error`() throws {
        let media = room(video: "4d002a")
        let stored = try JSONEncoder().encode(media)
        #expect(try JSONDecoder().decode(PublishedMedia.self, from: stored) == media)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([H264Profile].self, from: Data("[1]".utf8))
        }
    }
}
