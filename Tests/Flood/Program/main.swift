import Glibc

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.contains("--help") {
    print(FloodOptions.usage)
    exit(0)
}
do {
    var flood = try Flood(FloodOptions.parse(arguments))
    print(flood.run())
} catch {
    let text = Array("sigma-flood: \(error.line)\n".utf8)
    write(STDERR_FILENO, text, text.count)
    exit(64)
}
