import Glibc
import SigmaNetsim

func fail(_ line: String) -> Never {
    let text = Array("sigma-netsim: \(line)\n".utf8)
    write(STDERR_FILENO, text, text.count)
    exit(64)
}

switch NetsimOptions.parse(Array(CommandLine.arguments.dropFirst())) {
case .help:
    print(NetsimOptions.usage)
case .mistake(let line):
    fail(line)
case .run(let options):
    do throws(NetsimFailure) {
        try NetsimProxy(options).run()
    } catch {
        fail(error.line)
    }
}
