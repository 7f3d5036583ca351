/// Collects the lines of a session description into its sections.
struct SessionDescriptionParser {
    private var sawVersion = false
    private var sawOrigin = false
    private var candidates = 0
    private var attributes: [SessionDescription.Attribute] = []
    private var media: [SessionDescription.Media] = []

    mutating func take(_ line: LineReader.Line) throws(SDPError) {
        guard sawVersion else {
            guard line.letter == UInt8(ascii: "v"), line.value.elementsEqual([UInt8(ascii: "0")]) else {
                throw .noVersion
            }
            sawVersion = true
            return
        }
        switch line.letter {
        case UInt8(ascii: "o"):
            if media.isEmpty { sawOrigin = true }
        case UInt8(ascii: "m"):
            guard sawOrigin else { throw .noOrigin }
            guard media.count < SessionDescription.maximumMedia else { throw .tooManyMedia }
            media.append(try SessionDescription.Media(line))
        case UInt8(ascii: "a"):
            if let attribute = SessionDescription.Attribute(line) { append(attribute) }
        default:
            // Nothing is taken from s=, t=, c= and b=, and what we do not know is ignored (RFC 8866 §5).
            break
        }
    }

    func finish() throws(SDPError) -> ([SessionDescription.Attribute], [SessionDescription.Media]) {
        guard sawVersion else { throw .noVersion }
        guard sawOrigin else { throw .noOrigin }
        return (attributes, media)
    }

    private mutating func append(_ attribute: SessionDescription.Attribute) {
        if attribute.name == "candidate" {
            guard candidates < SessionDescription.maximumCandidates else { return }
            candidates += 1
        }
        if media.isEmpty {
            attributes.append(attribute)
        } else {
            media[media.count - 1].attributes.append(attribute)
        }
    }
}

extension SessionDescription.Attribute {
    /// - Returns: `nil` where the name is not a token (RFC 8866 §5.13).
    init?(_ line: LineReader.Line) {
        let (name, value) = String(decoding: line.value, as: UTF8.self).halves(at: ":")
        guard name.isToken else { return nil }
        self.name = String(name)
        self.value = String((value ?? "").trimmed)
        self.line = line.number
    }
}

extension SessionDescription.Media {
    /// Reads `m=<media> <port>[/<number of ports>] <proto> <fmt> …` (RFC 8866 §5.14).
    fileprivate init(_ line: LineReader.Line) throws(SDPError) {
        let words = String(decoding: line.value, as: UTF8.self).words
        guard words.count >= 4, words.allSatisfy(\.isVisible),
            let port = words[1].halves(at: "/").0.decimal(UInt16.self)
        else { throw .malformedMedia(line: line.number) }
        self.media = String(words[0])
        self.port = port
        self.transportProtocol = String(words[2])
        self.formats = words[3...].map(String.init)
        self.line = line.number
        self.attributes = []
    }
}

extension [SessionDescription.Attribute] {
    func first(_ name: String) -> SessionDescription.Attribute? { first { $0.name == name } }
    func all(_ name: String) -> [SessionDescription.Attribute] { filter { $0.name == name } }
    func has(_ name: String) -> Bool { contains { $0.name == name } }
}
