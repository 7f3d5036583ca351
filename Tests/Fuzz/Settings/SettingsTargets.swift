import SigmaSettings

/// The parsers of `SigmaSettings`: the environment is the operator's, but ICE servers and addresses also
/// come out of forwarded headers.
let targets: [String: FuzzTarget] = [
    "settings": { readSettings(String(decoding: $0, as: UTF8.self)) }
]

private func readSettings(_ text: String) -> Int {
    var sum = 0
    if let address = IPAddress(parsing: text) {
        expect(IPAddress(parsing: address.description) == address, "an address does not survive writing")
        expect(IPAddress(octets: address.shortestOctets) == address, "nor its octets")
        sum &+= address.description.utf8.count
    }
    if let prefix = IPPrefix(parsing: text) {
        expect(IPPrefix(parsing: prefix.description) == prefix, "a prefix does not survive writing")
        sum &+= 1
    }
    if let advertised = AdvertisedAddress(parsing: text) { sum &+= Int(advertised.port ?? 0) }
    if let server = ICEServer(parsing: text) {
        let url = server.url.utf8
        expect(url.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x3e && $0 != 0x22 }, "unsafe in a header")
        sum &+= url.count
    }
    return sum &+ readVariables(text)
}

/// One of the variables of both programs, which the length chooses; an error is one line.
private func readVariables(_ text: String) -> Int {
    var environment = ["WHIP_TOKEN": "0123456789abcdef"]
    environment[names[text.utf8.count % names.count]] = text
    do throws(SettingsError) {
        return Int(try MediaSettings(environment: environment).udpPort)
            &+ Int(try SignalSettings(environment: environment).tcpPort)
    } catch {
        let line = "\(error)"
        expect(!line.utf8.contains(0x0a) && !line.utf8.contains(0x0d), "an error of several lines")
        return line.utf8.count
    }
}

private let names = (MediaSettings.variables + SignalSettings.variables).map(\.name)
