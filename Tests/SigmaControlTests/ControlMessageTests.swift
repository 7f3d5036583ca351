import Foundation
import SigmaControl
import Testing

@Suite("Control messages: schema/control.proto")
struct ControlMessageTests {
    @Test func `a message goes through a frame unchanged`() throws {
        var message = ClientMessage()
        message.requestID = 7
        var open = OpenSession()
        open.sessionID = Data(repeating: 3, count: 16)
        open.roomID = (1 << 53) - 1
        open.role = .publisher
        var line = MediaLine()
        line.mid = "0"
        line.kind = .video
        line.ssrcs = [1, .max]
        open.media = [line]
        message.body = .openSession(open)

        var decoder = FrameDecoder()
        decoder.append(try message.frame())
        let payload = try #require(try decoder.next())
        #expect(try ClientMessage(payload: payload) == message)
    }

    @Test func `fields of a newer schema are skipped and kept`() throws {
        // Field 100, varint 5; then request_id 9.
        let message = try MediaMessage(payload: [0xa0, 0x06, 0x05, 0x08, 0x09])
        #expect(message.requestID == 9)
        #expect(message.body == nil)
        #expect(try message.frame().dropFirst(4) == [0x08, 0x09, 0xa0, 0x06, 0x05])
    }

    @Test func `an event of a newer schema has no body`() throws {
        // event (11) { number 3, field 200 {} }
        let message = try MediaMessage(payload: [0x5a, 0x05, 0x08, 0x03, 0xc2, 0x0c, 0x00])
        guard case .event(let event) = message.body else {
            Issue.record("\(message)")
            return
        }
        #expect(event.number == 3)
        #expect(event.body == nil)
    }

    @Test(arguments: [[0x08], [0x12, 0x7f], [0xff, 0xff, 0xff], [0x0b]] as [[UInt8]])
    func `what is no message is an error, not a trap`(payload: [UInt8]) {
        #expect(throws: ControlMessageError.malformed) { try ClientMessage(payload: payload) }
    }

    @Test func `a message beyond 64 KiB is not written`() {
        var message = MediaMessage()
        message.failure = SigmaControl.message { $0.detail = String(repeating: "x", count: 70_000) }
        #expect(throws: ControlMessageError.self) { try message.frame() }
    }

    @Test func `junk of any length never traps`() {
        var generator = SystemRandomNumberGenerator()
        for length in 0..<2000 {
            let payload = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = try? ClientMessage(payload: payload)
            _ = try? MediaMessage(payload: payload)
        }
    }
}
