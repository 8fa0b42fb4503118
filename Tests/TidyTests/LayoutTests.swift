import Foundation
import Testing

/// What the manifest, the folders and the documents say about each other.
@Suite struct LayoutTests {
    private static let manifest = Repository.text("Package.swift") ?? ""

    /// Names of targets as the manifest declares them: after the helpers of ours and SwiftPM's own.
    static func targets(of manifest: String) -> [String] {
        let start = manifest.range(of: "targets: [\n").map { manifest[$0.upperBound...] } ?? manifest[...]
        let pattern = #/(?:library|tests|arget|systemLibrary|Target)\(\s*(?:name:\s*)?"(\w+)"/#
        return start.matches(of: pattern).map { String($0.output.1) }
    }
    static func unlisted(_ targets: [String], in document: String) -> [String] {
        targets.filter { target in !document.contains("`\(target)`") }
    }

    @Test func everyTargetIsListedInTheArchitecture() {
        let targets = Self.targets(of: Self.manifest)
        #expect(targets.count > 20 && targets.contains("MillraceCore") && targets.contains("TidyTests"))
        #expect(targets.contains("CPlatform") && targets.contains("CRocksDB") && targets.contains("MillraceCommand"))
        let document = Repository.text("docs/architecture.md") ?? ""
        #expect(Self.unlisted(targets, in: document) == [])
    }

    @Test func theCanaryTargetIsMissed() {
        let manifest =
            "targets: [\n.target(name: \"A\"), library(\"B\", []), .systemLibrary(\n name: \"C\"), tests(\"D\", [])]"
        #expect(Self.targets(of: manifest) == ["A", "B", "C", "D"])
        #expect(Self.unlisted(["A", "B"], in: "there is `A` and B") == ["B"])
    }

    @Test func everyFolderOfSourcesBelongsToATarget() {
        let targets = Set(Self.targets(of: Self.manifest))
        #expect(Repository.folders(in: "Sources").filter { !targets.contains($0) } == [])
        let tests = Repository.folders(in: "Tests").filter { !targets.contains($0) }
        // Not targets: fuzz targets are built by their script, the others are programs in other languages or data.
        #expect(Set(tests).isSubset(of: ["Fuzz", "Interop", "Oracles"]), "\(tests)")
    }

    @Test func everyFuzzTargetNamesItsModules() {
        let fuzzers = Repository.files.filter { $0.isIn("Tests/Fuzz") && $0.path.hasSuffix(".swift") }
        #expect(fuzzers.count >= 2)
        for file in fuzzers {
            #expect(file.lines[0].hasPrefix("// fuzz-modules: MillraceCore"), "\(file.path)")
            #expect(file.lines.contains { $0.contains("LLVMFuzzerTestOneInput") }, "\(file.path)")
        }
    }

    /// The README's program is a file that is compiled with everything else.
    @Test func theReadmeShowsTheSampleThatIsCompiled() throws {
        let sample = try #require(Repository.text("samples/page-views/Site.swift"))
        let readme = try #require(Repository.text("README.md"))
        #expect(readme.contains("```swift\n\(sample)```"))
        #expect(sample.split(separator: "\n").count <= 25)
        #expect(Self.targets(of: Self.manifest).contains("PageViewsSample"))
    }

    @Test func everyDecisionHasANumberOfItsOwn() {
        let manager = Repository.root.appendingPathComponent("docs/decisions")
        let names = ((try? Repository.names(in: manager)) ?? []).filter { $0.hasSuffix(".md") && $0 != "README.md" }
        let numbers = names.compactMap { Int($0.prefix(4)) }
        #expect(numbers.count == names.count)
        #expect(Set(numbers).count == numbers.count && numbers.count > 5)
    }
}
