import Foundation
import SigmaSettings
import SigmaSignal

let invocation = Invocation(
    arguments: Array(CommandLine.arguments.dropFirst()), program: "sigma-signal",
    purpose: "WHIP, WHEP, the rooms API and the web pages of Sigma.", variables: SignalSettings.variables)

func complain(_ line: String) {
    FileHandle.standardError.write(Data("\(line)\n".utf8))
}

switch invocation {
case .print(let text):
    print(text)
case .misuse(let line):
    complain(line)
    exit(64)
case .run:
    do {
        try await SignalProgram.run()
    } catch {
        complain("sigma-signal: \(error)")
        exit(1)
    }
}
