// swift-tools-version: 6.1
import PackageDescription

/// Language rules that every Swift target follows.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
  name: "swift-vlm",
  products: [
    .executable(name: "vlm", targets: ["vlm"]),
    .library(name: "VLTensor", targets: ["VLTensor"]),
    .library(name: "VLNN", targets: ["VLNN"]),
    .library(name: "VLText", targets: ["VLText"]),
    .library(name: "VLMedia", targets: ["VLMedia"]),
    .library(name: "VLModels", targets: ["VLModels"]),
    .library(name: "VLEngine", targets: ["VLEngine"]),
    .library(name: "VLTraining", targets: ["VLTraining"]),
    .library(name: "VLEval", targets: ["VLEval"]),
    .library(name: "VLSynth", targets: ["VLSynth"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // C: the kernels, and module maps for the system's media and text libraries.
    .target(name: "CKernels", publicHeadersPath: "include"),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
    .systemLibrary(name: "CTIFF", pkgConfig: "libtiff-4", providers: [.apt(["libtiff-dev"])]),
    .target(name: "CMedia", dependencies: ["CPNG", "CTIFF"], publicHeadersPath: "include"),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(
      name: "CUTF8Proc", pkgConfig: "libutf8proc", providers: [.apt(["libutf8proc-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    // Cairo, Pango and Fontconfig, which come together.
    .systemLibrary(
      name: "CPango", pkgConfig: "pangocairo", providers: [.apt(["libcairo2-dev", "libpango1.0-dev"])]),

    // The model inside: resources of a C target, since those of a Swift target bring in all of Foundation.
    .target(name: "SmallModel", resources: [.copy("small")], publicHeadersPath: "include"),

    // Swift, from the leaves up: an arrow only ever points down this list.
    .target(name: "VLTensor", dependencies: ["CKernels"], swiftSettings: strict),
    .target(name: "VLJSON", swiftSettings: strict),
    .target(name: "VLText", dependencies: ["VLJSON", "CPCRE2", "CUTF8Proc"], swiftSettings: strict),
    .target(
      name: "VLMedia", dependencies: ["VLTensor", "CMedia", "CTurboJPEG", "CWebP"],
      swiftSettings: strict),
    .target(name: "VLNN", dependencies: ["VLTensor", "VLJSON"], swiftSettings: strict),
    .target(name: "VLSynth", dependencies: ["VLMedia", "VLJSON", "CPango"], swiftSettings: strict),
    .target(
      name: "VLModels", dependencies: ["VLNN", "VLText", "VLMedia", "SmallModel"], swiftSettings: strict),
    .target(name: "VLEngine", dependencies: ["VLModels"], swiftSettings: strict),
    .target(
      name: "VLTraining",
      dependencies: [
        "VLModels", "VLSynth", "VLJSON", "CPango", "CYAML",
      ],
      swiftSettings: strict),
    .target(
      name: "VLEval", dependencies: ["VLEngine", "VLTraining", "VLSynth", "VLJSON"], swiftSettings: strict),
    .executableTarget(
      name: "vlm",
      dependencies: [
        "VLEngine", "VLTraining", "VLSynth", "VLEval", "VLJSON",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    // Tests: the kit holds tolerances, goldens and tiny models.
    .target(name: "TestKit", dependencies: ["VLTensor"], path: "Tests/TestKit", swiftSettings: strict),
    .testTarget(name: "VLJSONTests", dependencies: ["VLJSON"], swiftSettings: strict),
    .testTarget(
      name: "VLTensorTests", dependencies: ["VLTensor", "CKernels", "TestKit"],
      swiftSettings: strict),
    .testTarget(name: "VLNNTests", dependencies: ["VLNN", "VLJSON", "TestKit"], swiftSettings: strict),
    .testTarget(name: "VLTextTests", dependencies: ["VLText", "VLJSON", "TestKit"], swiftSettings: strict),
    .testTarget(name: "VLMediaTests", dependencies: ["VLMedia", "TestKit"], swiftSettings: strict),
    .testTarget(
      name: "VLSynthTests", dependencies: ["VLSynth", "VLMedia", "VLJSON", "TestKit"],
      swiftSettings: strict),
    .testTarget(
      name: "VLModelsTests", dependencies: ["VLModels", "VLJSON", "TestKit"], swiftSettings: strict),
    .testTarget(name: "VLEngineTests", dependencies: ["VLEngine", "TestKit"], swiftSettings: strict),
    .testTarget(
      name: "VLTrainingTests",
      dependencies: [
        "VLTraining", "VLModels", "VLMedia", "VLNN", "VLJSON", "VLTensor", "CKernels", "TestKit",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "VLEvalTests", dependencies: ["VLEval", "VLEngine", "VLSynth", "VLJSON", "TestKit"],
      swiftSettings: strict),
    .testTarget(
      name: "CommandTests", dependencies: ["TestKit", "VLJSON", "VLModels", "VLNN", "VLTensor", "vlm"],
      swiftSettings: strict),
  ],
  cLanguageStandard: .gnu17
)

// Only Tools/docs builds documentation; nobody else fetches what it needs.
if Context.environment["VLM_DOCUMENTATION"] != nil {
  package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}
