// swift-tools-version: 6.1
import PackageDescription

/// Coverage-guided fuzzing (libFuzzer with AddressSanitizer) of everything that parses files from outside.
/// Not part of the main package, so that users never build it: see Fuzz/README.md.
let flags: [SwiftSetting] = [
  .swiftLanguageMode(.v6), .unsafeFlags(["-sanitize=fuzzer,address", "-parse-as-library"]),
]

let package = Package(
  name: "fuzz",
  dependencies: [.package(name: "swift-vlm", path: "..")],
  targets: [
    .target(name: "FuzzDriver", swiftSettings: flags),
    .executableTarget(
      name: "FuzzSafetensors", dependencies: ["FuzzDriver", .product(name: "VLNN", package: "swift-vlm")],
      swiftSettings: flags, linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    .executableTarget(
      name: "FuzzTokenizer", dependencies: ["FuzzDriver", .product(name: "VLText", package: "swift-vlm")],
      swiftSettings: flags, linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    .executableTarget(
      name: "FuzzImage", dependencies: ["FuzzDriver", .product(name: "VLMedia", package: "swift-vlm")],
      swiftSettings: flags, linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
  ]
)
