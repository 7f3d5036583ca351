import Glibc

// sigma-micro KERNEL ROUNDS: runs the kernel, prints what it computed. Without arguments: the kernels.
let arguments = CommandLine.arguments.dropFirst()
if arguments.isEmpty {
    for kernel in Kernel.allCases { print(kernel.rawValue) }
} else if arguments.count == 2, let kernel = arguments.first.flatMap(Kernel.init(rawValue:)),
    let rounds = arguments.last.flatMap({ Int($0) }), (1...1_000_000_000).contains(rounds)
{
    print(kernel.run(rounds: rounds))
} else {
    let usage = Array("usage: sigma-micro [KERNEL ROUNDS]; without arguments the kernels are listed\n".utf8)
    write(STDERR_FILENO, usage, usage.count)
    exit(64)
}
