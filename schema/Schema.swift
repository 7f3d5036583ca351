/// The migrations, embedded in the program.
package enum Schema {
    package static var rooms: [UInt8] { PackageResources._001_rooms_sql }
}
