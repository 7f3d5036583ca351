import Foundation
import SigmaTestKit
import SigmaWire

/// Octets written as hexadecimal text.
func octets(_ hex: String) -> [UInt8] { Capture.octets(hex: hex) }

/// A capture that lies in `Captures`, whole.
func capture(_ name: String) throws -> [UInt8] {
    let folder = Bundle.module.bundleURL.appending(path: "Captures")
    return try Array(Data(contentsOf: folder.appending(path: name)))
}

/// Datagrams of a length-prefixed capture.
func datagrams(_ name: String) throws -> [[UInt8]] {
    try Capture.datagrams(lengthPrefixed: capture(name))
}

/// A sequence parameter set stored as hexadecimal text.
func parameterSet(_ name: String) throws -> [UInt8] {
    octets(String(decoding: try capture(name), as: UTF8.self))
}

/// What a parser threw for these octets, `nil` when it took them.
func error(_ bytes: [UInt8], _ parse: (RawSpan) throws(WireError) -> Void) -> WireError? {
    do throws(WireError) {
        try parse(bytes.span.bytes)
        return nil
    } catch {
        return error
    }
}

/// A STUN message with these attributes, its length field right.
func stunMessage(type: UInt16 = 0x0001, _ attributes: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: type)
    bytes.append(bigEndian: UInt16(attributes.count))
    bytes += octets("2112a442 b7e7a701bc34d686fa87dfae")
    return bytes + attributes
}

/// A datagram written by `write` into a buffer of 1500 octets, cut to the length it returns.
func written(_ write: (inout MutableRawSpan) -> Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xA5, count: 1500)
    var span = bytes.mutableSpan
    var raw = span.mutableBytes
    let length = write(&raw)
    return Array(bytes.prefix(length))
}

/// An RTP packet: fixed header, then whatever stands in `rest`.
func rtpPacket(first: UInt8 = 0x80, _ rest: String = "") -> [UInt8] {
    [first] + octets("e0 1234 01020304 cafebabe") + octets(rest)
}
