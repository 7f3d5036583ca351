// swift-tools-version: 6.2
import Foundation
import PackageDescription

// SIGMA_CORE_ONLY=1 leaves out every package dependency and the targets that need one, so that the
// pure targets build in a minute under the sanitizers.
let coreOnly = ProcessInfo.processInfo.environment["SIGMA_CORE_ONLY"] != nil

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]
/// The targets that touch a stranger's bytes.
let pure: [SwiftSetting] = strict + [.strictMemorySafety()]
#if arch(x86_64)
    let accelerators: [Target.Dependency] = ["CIPSecMB"]
    let acceleratorTargets: [Target] = [
        .systemLibrary(name: "CIPSecMB", providers: [.apt(["libipsec-mb-dev"])])
    ]
#else
    let accelerators: [Target.Dependency] = []
    let acceleratorTargets: [Target] = []
#endif

let wire: [SwiftSetting] = pure + [.enableExperimentalFeature("Lifetimes")]

var dependencies: [Package.Dependency] = []
var products: [Product] = [
    .executable(name: "sigma-load", targets: ["sigma-load"]),
    .executable(name: "sigma-netsim", targets: ["sigma-netsim"]),
]
var targets: [Target] = [
    .systemLibrary(
        name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
        name: "CSRTP", pkgConfig: "libsrtp2", providers: [.apt(["libsrtp2-dev"])]),
    .target(name: "CSigmaSystem"),
    .target(name: "CSigmaTestNetwork"),
    .target(name: "CFlood", path: "Tests/Flood/CFlood"),
    .target(name: "CSigmaTestKit", dependencies: ["COpenSSL"]),
    .target(name: "CAllocationCounter", path: "Tests/Allocations/CAllocationCounter"),

    .target(name: "SigmaWire", swiftSettings: wire),
    .target(name: "SigmaCore", dependencies: ["SigmaWire"], swiftSettings: wire),
    .target(
        name: "SigmaCrypto", dependencies: ["SigmaWire", "COpenSSL"] + accelerators, swiftSettings: wire),
    .target(
        name: "SigmaEngine", dependencies: ["SigmaWire", "SigmaCore", "SigmaCrypto"],
        swiftSettings: wire),
    .target(name: "SigmaSDP", swiftSettings: pure),
    .target(name: "SigmaSettings", swiftSettings: pure),
    .target(
        name: "SigmaSystem", dependencies: ["CSigmaSystem", "SigmaWire"], swiftSettings: strict),
    .target(
        name: "SigmaPeer", dependencies: ["SigmaWire", "COpenSSL", "CSRTP"], swiftSettings: wire),
    .target(
        name: "SigmaLoad", dependencies: ["SigmaPeer", "SigmaSystem", "SigmaWire"], swiftSettings: strict),
    .executableTarget(name: "sigma-load", dependencies: ["SigmaLoad"], swiftSettings: strict),
    .target(name: "SigmaImpairment", swiftSettings: pure),
    .target(
        name: "SigmaNetsim", dependencies: ["SigmaImpairment", "SigmaSettings", "SigmaSystem", "SigmaWire"],
        swiftSettings: strict),
    .executableTarget(name: "sigma-netsim", dependencies: ["SigmaNetsim"], swiftSettings: strict),
    .target(
        name: "SigmaTestKit",
        dependencies: [
            "SigmaWire", "SigmaCore", "SigmaCrypto", "SigmaEngine", "SigmaImpairment", "SigmaPeer",
            "CSigmaTestKit",
        ],
        swiftSettings: wire),
    .executableTarget(
        name: "sigma-micro", dependencies: ["SigmaCore", "SigmaWire"], path: "Benchmarks/micro",
        exclude: ["baseline.json"],
        swiftSettings: strict),

    .target(
        name: "SigmaTestNetwork", dependencies: ["SigmaSystem", "SigmaWire", "CSigmaTestNetwork"],
        swiftSettings: strict),
    .executableTarget(
        name: "sigma-flood", dependencies: ["CFlood", "SigmaSystem", "SigmaWire"],
        path: "Tests/Flood/Program", swiftSettings: strict),

    .testTarget(
        name: "SigmaWireTests", dependencies: ["SigmaWire", "SigmaTestKit"],
        resources: [.copy("Captures")], swiftSettings: strict),
    .testTarget(
        name: "SigmaCoreTests", dependencies: ["SigmaCore", "SigmaWire", "SigmaTestKit"],
        swiftSettings: strict),
    .testTarget(
        name: "SigmaCryptoTests",
        dependencies: ["SigmaCrypto", "SigmaCore", "SigmaWire", "SigmaTestKit", "CSRTP"],
        swiftSettings: strict),
    .testTarget(
        name: "SigmaSystemTests", dependencies: ["SigmaTestNetwork"], swiftSettings: strict),
    .testTarget(
        name: "SigmaLoadTests", dependencies: ["SigmaLoad", "SigmaPeer", "SigmaWire"], swiftSettings: strict),
    .testTarget(
        name: "SigmaNetsimTests", dependencies: ["SigmaImpairment", "SigmaNetsim", "SigmaWire"],
        swiftSettings: strict),
    .testTarget(
        name: "SigmaSDPTests", dependencies: ["SigmaSDP"], resources: [.copy("Offers")],
        swiftSettings: strict),
    .testTarget(
        name: "SigmaSettingsTests", dependencies: ["SigmaSettings"], swiftSettings: strict),
    .testTarget(
        name: "AllocationTests",
        dependencies: ["CAllocationCounter", "SigmaEngine", "SigmaCore", "SigmaCrypto", "SigmaWire"],
        path: "Tests/Allocations/AllocationTests", swiftSettings: strict),
    .testTarget(
        name: "SimulationTests",
        dependencies: [
            "SigmaEngine", "SigmaCore", "SigmaCrypto", "SigmaWire", "SigmaPeer", "SigmaTestKit",
        ],
        swiftSettings: strict),
]

if !coreOnly {
    dependencies += [
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ]
    products += [
        .executable(name: "sigma-signal", targets: ["sigma-signal"]),
        .executable(name: "sigma-media", targets: ["sigma-media"]),
        .executable(name: "sigmactl", targets: ["sigmactl"]),
    ]
    targets += [
        .target(
            name: "SigmaSchema", path: "schema", exclude: ["control.proto"],
            resources: [.embedInCode("0001-rooms.sql"), .embedInCode("openapi.yaml")], swiftSettings: strict),
        .target(
            name: "SigmaStore",
            dependencies: [
                "SigmaSchema", "COpenSSL", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .target(
            name: "SigmaOperator",
            dependencies: [
                "SigmaStore", "SigmaControl", "SigmaSettings", "SigmaSystem",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "sigmactl", dependencies: ["SigmaOperator"], swiftSettings: strict),
        .testTarget(
            name: "SigmaOperatorTests",
            dependencies: ["SigmaOperator", "SigmaStore", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .testTarget(
            name: "SigmaStoreTests",
            dependencies: ["SigmaStore", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(
            name: "SigmaControl",
            dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            swiftSettings: strict),
        .target(
            name: "SigmaMedia",
            dependencies: [
                "SigmaEngine", "SigmaCore", "SigmaCrypto", "SigmaControl", "SigmaSystem", "SigmaSettings",
                "SigmaWire", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: strict),
        .target(
            name: "SigmaSignal",
            dependencies: [
                "SigmaSDP", "SigmaStore", "SigmaSchema", "SigmaControl", "SigmaSystem", "SigmaSettings",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Pages")],
            swiftSettings: strict),
        .executableTarget(
            name: "sigma-media", dependencies: ["SigmaMedia", "SigmaSystem", "SigmaSettings"],
            swiftSettings: strict),
        .executableTarget(
            name: "sigma-signal", dependencies: ["SigmaSignal", "SigmaSettings"], swiftSettings: strict),
        .testTarget(
            name: "SigmaControlTests", dependencies: ["SigmaControl"], swiftSettings: strict),
        .testTarget(
            name: "SigmaSignalTests",
            dependencies: [
                "SigmaSignal", "SigmaControl", "SigmaSDP", "SigmaStore", "SigmaSystem",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ProcessTests",
            dependencies: [
                "SigmaControl", "SigmaPeer", "SigmaSystem", "SigmaWire",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: strict),
    ]
}

targets += acceleratorTargets

let package = Package(
    name: "sigma",
    products: products,
    dependencies: dependencies,
    targets: targets,
    swiftLanguageModes: [.v6]
)
