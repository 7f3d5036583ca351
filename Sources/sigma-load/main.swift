import Glibc
import SigmaLoad

func fail(_ line: String, _ code: Int32) -> Never {
    let text = Array("sigma-load: \(line)\n".utf8)
    write(STDERR_FILENO, text, text.count)
    exit(code)
}

switch LoadOptions.parse(Array(CommandLine.arguments.dropFirst())) {
case .help:
    print(LoadOptions.usage)
case .mistake(let line):
    fail(line, 64)
case .run(let options):
    do throws(LoadFailure) {
        let report = try LoadRun(options).run()
        print(options.asJSON ? report.json : report.table)
        exit(report.isSuccess ? 0 : 1)
    } catch {
        fail(error.line, 64)
    }
}
