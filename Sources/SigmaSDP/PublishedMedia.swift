/// What a room's publisher negotiated, as far as an answer to a viewer depends on it.
///
/// Made by ``Negotiation/published``; `Codable`, so that it outlives a restart.
package struct PublishedMedia: Equatable, Sendable, Codable {
    /// Opus (RFC 7587).
    package struct Audio: Equatable, Sendable, Codable {
        /// The publisher said `sprop-stereo=1`.
        package var isStereo: Bool

        package init(isStereo: Bool = false) { self.isStereo = isStereo }
    }

    /// H.264 (RFC 6184).
    package struct Video: Equatable, Sendable, Codable {
        package var profile: H264Profile
        /// 0 or 1.
        package var packetizationMode: Int

        package init(profile: H264Profile, packetizationMode: Int) {
            self.profile = profile
            self.packetizationMode = packetizationMode
        }
    }

    /// `nil` where the room has no sound.
    package var audio: Audio?
    /// `nil` where the room has no picture.
    package var video: Video?

    package init(audio: Audio?, video: Video?) {
        self.audio = audio
        self.video = video
    }
}
