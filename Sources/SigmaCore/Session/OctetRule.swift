/// An octet of a record whose type gives no meaning to every value: an enumeration or a flag.
///
/// To load such a type from an octet it has no value for is undefined, so whoever takes a record from
/// memory that it does not trust checks the octets first. Every record says its own rules.
package struct OctetRule: Sendable {
    /// From the start of the record.
    package let offset: Int
    /// Values from 0 on that are meant.
    package let limit: UInt8

    /// The octet of an enumeration; its values are numbered from 0 in the order of its cases.
    static func cases<Record, Value: CaseIterable>(of field: KeyPath<Record, Value>) -> OctetRule {
        OctetRule(offset: offset(of: field), limit: UInt8(clamping: Value.allCases.count))
    }

    static func flag<Record>(_ field: KeyPath<Record, Bool>) -> OctetRule {
        OctetRule(offset: offset(of: field), limit: 2)
    }

    /// The rules of `count` records that begin at `offset` of a larger one.
    static func rules(
        _ rules: [OctetRule], at offset: Int, count: Int = 1, stride: Int = 0
    ) -> [OctetRule] {
        (0..<count).flatMap { index in
            rules.map { OctetRule(offset: offset + index * stride + $0.offset, limit: $0.limit) }
        }
    }

    /// Where a stored field lies in its record.
    static func offset<Record, Value>(of field: KeyPath<Record, Value>) -> Int {
        guard let offset = MemoryLayout<Record>.offset(of: field) else {
            preconditionFailure("only a stored field has an offset")
        }
        return offset
    }
}
