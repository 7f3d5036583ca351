package import SwiftProtobuf

// The names of schema/control.proto, without the prefix that the generator gives them.

package typealias ClientMessage = Sigma_Control_ClientMessage
package typealias ClientHello = Sigma_Control_ClientHello
package typealias EventPosition = Sigma_Control_EventPosition
package typealias OpenSession = Sigma_Control_OpenSession
package typealias UpdateSession = Sigma_Control_UpdateSession
package typealias CloseSession = Sigma_Control_CloseSession
package typealias SnapshotRequest = Sigma_Control_SnapshotRequest
package typealias StatisticsRequest = Sigma_Control_StatisticsRequest
package typealias Acknowledge = Sigma_Control_Acknowledge
package typealias Anchor = Sigma_Control_Anchor
package typealias Drain = Sigma_Control_Drain

package typealias MediaMessage = Sigma_Control_MediaMessage
package typealias MediaHello = Sigma_Control_MediaHello
package typealias UDPAddress = Sigma_Control_UDPAddress
package typealias Limits = Sigma_Control_Limits
package typealias SessionOpened = Sigma_Control_SessionOpened
package typealias Done = Sigma_Control_Done
package typealias Failure = Sigma_Control_Failure
package typealias FailureCode = Sigma_Control_FailureCode
package typealias SnapshotBegin = Sigma_Control_SnapshotBegin
package typealias SessionPage = Sigma_Control_SessionPage
package typealias SessionItem = Sigma_Control_SessionItem
package typealias SessionState = Sigma_Control_SessionState
package typealias StatisticsBegin = Sigma_Control_StatisticsBegin
package typealias StatisticsPage = Sigma_Control_StatisticsPage
package typealias SessionStatistics = Sigma_Control_SessionStatistics
package typealias TrackStatistics = Sigma_Control_TrackStatistics
package typealias StreamEnd = Sigma_Control_StreamEnd

package typealias Event = Sigma_Control_Event
package typealias EndReason = Sigma_Control_EndReason
package typealias Connected = Sigma_Control_Connected
package typealias Disconnected = Sigma_Control_Disconnected
package typealias Reconnected = Sigma_Control_Reconnected
package typealias Ended = Sigma_Control_Ended
package typealias PublisherLive = Sigma_Control_PublisherLive
package typealias PublisherGone = Sigma_Control_PublisherGone
package typealias TrackKnown = Sigma_Control_TrackKnown
package typealias KeyframeInterval = Sigma_Control_KeyframeInterval
package typealias Trouble = Sigma_Control_Trouble
package typealias TrackTrouble = Sigma_Control_TrackTrouble
package typealias LayerSwitched = Sigma_Control_LayerSwitched
package typealias Gap = Sigma_Control_Gap
package typealias Anchored = Sigma_Control_Anchored

package typealias Role = Sigma_Control_Role
package typealias Kind = Sigma_Control_Kind
package typealias Codec = Sigma_Control_Codec
package typealias DTLSRole = Sigma_Control_DTLSRole
package typealias HashFunction = Sigma_Control_HashFunction
package typealias Fingerprint = Sigma_Control_Fingerprint
package typealias ExtensionKind = Sigma_Control_ExtensionKind
package typealias HeaderExtension = Sigma_Control_HeaderExtension
package typealias MediaLine = Sigma_Control_MediaLine

/// The version that both hellos carry.
package let controlProtocolVersion: UInt32 = 1

/// A message with fields set: `.acknowledge(message { $0.number = 7 })`.
package func message<Message: SwiftProtobuf.Message>(_ set: (inout Message) -> Void) -> Message {
    var message = Message()
    set(&message)
    return message
}

/// Either message of the protocol, as it stands in a frame.
package protocol ControlMessage: SwiftProtobuf.Message {}

extension Sigma_Control_ClientMessage: ControlMessage {}
extension Sigma_Control_MediaMessage: ControlMessage {}

extension ControlMessage {
    /// The message in a frame, ready to be written.
    ///
    /// - Throws: ``ControlMessageError`` for a message that fits no frame.
    package func frame() throws(ControlMessageError) -> [UInt8] {
        let payload: [UInt8]
        do {
            payload = try serializedBytes()
        } catch {
            throw .unencodable
        }
        do {
            return try ControlFrame.encode(payload)
        } catch {
            throw .frame(error)
        }
    }

    /// Reads the payload of one frame; unknown fields are kept, unknown bodies are `nil`.
    ///
    /// - Throws: ``ControlMessageError/malformed``, which ends the connection.
    package init(payload: [UInt8]) throws(ControlMessageError) {
        do {
            try self.init(serializedBytes: payload)
        } catch {
            throw .malformed
        }
    }
}

package enum ControlMessageError: Error, Equatable {
    /// The payload is not a message of this schema.
    case malformed
    /// The message is none that can be written, such as text that is no UTF-8.
    case unencodable
    case frame(FrameError)
}
