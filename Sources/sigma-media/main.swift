import Glibc
import SigmaMedia
import SigmaSettings
import SigmaSystem

let invocation = Invocation(
    arguments: Array(CommandLine.arguments.dropFirst()), program: "sigma-media",
    purpose: "ICE, DTLS, SRTP and forwarding of Sigma.", variables: MediaSettings.variables)

switch invocation {
case .print(let text):
    print(text)
case .misuse(let line):
    Log.write(.error, line)
    exit(64)
case .run:
    let environment = ProcessEnvironment.variables()
    do {
        try MediaProgram.run(MediaSettings(environment: environment), environment: environment)
    } catch {
        Log.write(.error, "sigma-media: \(error)")
        exit(1)
    }
}
