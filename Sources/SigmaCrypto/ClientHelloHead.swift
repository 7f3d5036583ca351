/// What tells one ClientHello from another: its random, and which message of its sender it is.
///
/// ```
///  0          11    13           17      19             22            25              27       59
///  | record … | length | type length | message_seq | fragment_offset | fragment_length | version | random |
/// ```
///
/// - SeeAlso: RFC 6347 §4.2.2, RFC 5246 §7.4.1.2
package struct ClientHelloHead: Equatable, Sendable {
    private let random: ArraySlice<UInt8>
    private let messageSequence: ArraySlice<UInt8>

    private static let handshake: UInt8 = 22
    private static let clientHello: UInt8 = 1
    private static let length = 59

    /// - Returns: `nil` for anything but a datagram that begins with the beginning of a ClientHello.
    package init?(_ datagram: [UInt8]) {
        guard datagram.count >= Self.length, datagram[0] == Self.handshake,
            // Of epoch 0: nothing is encrypted yet.
            datagram[3...4].allSatisfy({ $0 == 0 }), datagram[13] == Self.clientHello,
            datagram[19...21].allSatisfy({ $0 == 0 })
        else { return nil }
        messageSequence = datagram[17...18]
        random = datagram[27..<Self.length]
    }
}
