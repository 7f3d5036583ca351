internal import SigmaWire

/// The first octets of a slab, host order: the memory never leaves the machine.
///
/// ```
/// | magic 8 | version 8 | record length 8 | count 8 | journal id 16 | checksum of all before 4 | 0 … 4096
/// ```
enum SlabHeader {
    /// Reads "SIGMASLB".
    static let magic: UInt64 = 0x5349_474D_4153_4C42
    static let version: UInt64 = 3

    static let magicOffset = 0
    static let versionOffset = 8
    static let recordLengthOffset = 16
    static let countOffset = 24
    static let journalID = 32..<48
    static let checksumOffset = 48

    @unsafe static func write(to memory: UnsafeMutableRawPointer, count: Int, journalID id: [UInt8]) {
        precondition(id.count == journalID.count, "a journal has an id of 16 octets")
        unsafe memory.storeBytes(of: magic, toByteOffset: magicOffset, as: UInt64.self)
        unsafe memory.storeBytes(of: version, toByteOffset: versionOffset, as: UInt64.self)
        unsafe memory.storeBytes(
            of: UInt64(SessionRecord.length), toByteOffset: recordLengthOffset, as: UInt64.self)
        unsafe memory.storeBytes(of: UInt64(count), toByteOffset: countOffset, as: UInt64.self)
        for (index, octet) in id.enumerated() {
            unsafe memory.storeBytes(of: octet, toByteOffset: journalID.lowerBound + index, as: UInt8.self)
        }
        let written = unsafe RawSpan(_unsafeStart: memory, byteCount: checksumOffset)
        unsafe memory.storeBytes(
            of: CRC32.checksum(written), toByteOffset: checksumOffset, as: UInt32.self)
    }

    /// Whether the checksum of a header is right.
    static func isWhole(_ memory: RawSpan) -> Bool {
        let stored = unsafe memory.unsafeLoadUnaligned(fromByteOffset: checksumOffset, as: UInt32.self)
        return stored == CRC32.checksum(memory.extracting(0..<checksumOffset))
    }
}
