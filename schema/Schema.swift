/// The files of this folder, embedded in the programs.
package enum Schema {
    /// A migration: applied once, in order, never edited after a release.
    package struct Migration: Sendable {
        /// As its file is called, which is what the database remembers.
        package let name: String
        package let sql: String
    }

    package static let migrations = [
        Migration(name: "0001-rooms", sql: String(decoding: PackageResources._001_rooms_sql, as: UTF8.self))
    ]

    /// The HTTP API (OpenAPI 3.1).
    package static var openAPI: [UInt8] { PackageResources.openapi_yaml }
}
