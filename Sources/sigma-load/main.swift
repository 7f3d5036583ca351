import Glibc

switch LoadOptions.parse(Array(CommandLine.arguments.dropFirst())) {
case .help:
    print(LoadOptions.usage)
case .mistake(let line):
    let text = Array("sigma-load: \(line)\n".utf8)
    write(STDERR_FILENO, text, text.count)
    exit(64)
case .run(let options):
    let report = LoadRun(options).run()
    print(options.asJSON ? report.json : report.table)
    exit(report.isSuccess ? 0 : 1)
}
