import FoundationEssentials
import Hummingbird

/// How documents of the API are written: sorted keys, slashes as they are.
enum JSON {
    static func encode(_ document: some Encodable) -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Our documents are made of strings and integers, which always encode.
        let data = (try? encoder.encode(document)) ?? Data("{}".utf8)
        return ByteBuffer(bytes: data)
    }
}
