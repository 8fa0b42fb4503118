public import MillraceCore
internal import MillraceFlow

/// One line of a file of results: JSON of one of these kinds. Scripts that measure other programs write the same lines,
/// so that one file holds a whole run and one page shows it.
public enum ResultLine: Sendable {
    public enum Kind: String, Sendable, Codable { case machine, workload, peer, figure, point }

    case machine(Machine)
    case workload(Measurement)
    case peer(PeerResult)
    case figure(Figure)
    case point(Point)

    /// Where and of what the results were taken.
    public struct Machine: Sendable, Codable {
        var kind = Kind.machine
        public var processor: String
        public var cores: Int
        public var memoryBytes: Int64
        public var system: String
        public var swift: String
        public var commit: String
        public var date: String
    }

    /// A whole program's run of a piece of work that others do too.
    public struct PeerResult: Sendable, Codable {
        var kind = Kind.peer
        /// `Yahoo`, `Nexmark q5`.
        public var work: String
        public var who: String
        public var isOurs: Bool
        public var units: Int
        /// CPU time of the whole process a unit, start-up included.
        public var cpuNanoseconds: Spread?
        /// What a unit more costs: between a short run and this one. A stream of days knows no other.
        public var steadyNanoseconds: Double?
        public var wallSeconds: Double?
        public var startSeconds: Double?
        public var peakBytes: Int64?
        /// Our cost must be at most the peer's over this.
        public var goal: Double?
        /// Why there is no figure: a wrong answer, or a program that failed.
        public var error: String?

        /// The first word of the work: what has several pieces is shown together.
        var family: String { String(work.prefix { $0 != " " }) }
    }

    /// One figure with its goal, e.g. of a node's start.
    public struct Figure: Sendable, Codable {
        var kind = Kind.figure
        public var area: String
        public var name: String
        public var value: Double
        public var unit: String
        public var goal: String?
        /// `nil` where there is no goal.
        public var holds: Bool?

        /// - Parameter limit: the most that the value should be, or the least.
        public init(area: String, name: String, value: Double, unit: String, limit: Limit? = nil) {
            (self.area, self.name, self.value, self.unit) = (area, name, value, unit)
            switch limit {
            case .most(let most): (goal, holds) = ("≤ \(Int(most)) \(unit)", value <= most)
            case .least(let least): (goal, holds) = ("≥ \(Int(least)) \(unit)", value >= least)
            case nil: break
            }
        }
        public enum Limit {
            case most(Double)
            case least(Double)
        }
    }

    /// A point of a line in a chart.
    public struct Point: Sendable, Codable {
        var kind = Kind.point
        public var chart: String
        public var series: String
        public var x: Double
        public var y: Double
        public var xUnit: String
        public var yUnit: String
    }

    private struct AnyLine: Decodable { var kind: Kind }

    /// Reads a file of results.
    /// - Throws: `Failure` that names the line which cannot be read.
    public static func read(_ path: String, from storage: any Storage) throws -> [ResultLine] {
        guard let bytes = try storage.contents(of: path, limit: BenchmarkLimits.resultBytes) else {
            throw Failure(.notFound, "there is no file of results", advice: "Write one with --save FILE", place: path)
        }
        return try bytes.split(separator: UInt8(ascii: "\n")).enumerated().map { number, line in
            do { return try line.withUnsafeBytes(parse) } catch {
                throw Failure(
                    .invalidArgument, "line \(number + 1) is no result: \(error)",
                    advice: "Take a file that --save wrote with this release", place: path)
            }
        }
    }

    private static func parse(_ line: UnsafeRawBufferPointer) throws -> ResultLine {
        switch try JSON.decode(AnyLine.self, from: line).kind {
        case .machine: .machine(try JSON.decode(Machine.self, from: line))
        case .workload: .workload(try JSON.decode(Measurement.self, from: line))
        case .peer: .peer(try JSON.decode(PeerResult.self, from: line))
        case .figure: .figure(try JSON.decode(Figure.self, from: line))
        case .point: .point(try JSON.decode(Point.self, from: line))
        }
    }

    /// One result a line; the names in it are those of the properties here.
    public static func text(_ results: [some Encodable]) throws -> String {
        var out = ByteWriter()
        for result in results {
            try JSON.encode(result, into: &out)
            out.byte(UInt8(ascii: "\n"))
        }
        return String(decoding: out.bytes, as: UTF8.self)
    }
}

extension [ResultLine] {
    public var workloads: [Measurement] { compactMap { if case .workload(let line) = $0 { line } else { nil } } }
    var machine: ResultLine.Machine? { compactMap { if case .machine(let line) = $0 { line } else { nil } }.first }
    var peers: [ResultLine.PeerResult] { compactMap { if case .peer(let line) = $0 { line } else { nil } } }
    var figures: [ResultLine.Figure] { compactMap { if case .figure(let line) = $0 { line } else { nil } } }
    var points: [ResultLine.Point] { compactMap { if case .point(let line) = $0 { line } else { nil } } }
}

/// The elements by a key, the keys in the order in which they first came.
func grouped<Element, Key: Hashable>(_ elements: [Element], by key: (Element) -> Key) -> [(
    key: Key, members: [Element]
)] {
    var places: [Key: Int] = [:]
    var groups: [(key: Key, members: [Element])] = []
    for element in elements {
        let key = key(element)
        if let place = places[key] {
            groups[place].members.append(element)
        } else {
            places[key] = groups.count
            groups.append((key, [element]))
        }
    }
    return groups
}

enum BenchmarkLimits {
    /// A file of results is a few hundred lines of a few hundred bytes.
    static let resultBytes = 16 << 20
    /// Columns of what is printed for people: a terminal beside an editor.
    static let columns = 112
}
