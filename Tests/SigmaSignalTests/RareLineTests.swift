import SigmaSignal
import Testing

@Suite("RareLine")
struct RareLineTests {
    @Test func `says the first at once, then one line in ten seconds with the count`() {
        var line = RareLine()
        let second: Int64 = 1_000_000_000
        let counts = [5, 6, 7, 14, 15, 16, 40].map { line.count(at: $0 * second) }
        #expect(counts == [1, nil, nil, nil, 4, nil, 2])
    }
}
