internal import MillraceCore
internal import MillraceTables

/// Buckets over a partition's rows, for charts: one pass, one bucket in memory for each that has rows.
enum TableAggregate {
    struct Bucket {
        var minimum = Double.infinity, maximum = -Double.infinity, sum = 0.0
        var count = 0
        mutating func add(_ value: Double) {
            minimum = min(minimum, value)
            maximum = max(maximum, value)
            sum += value
            count += 1
        }
    }

    static func answer(_ wanted: TableRequest, _ request: Request, _ tables: TableStore) throws(Failure) -> Response {
        guard wanted.hasPartition else {
            throw Failure(.invalidArgument, "an aggregate needs a partition", advice: "Add key= for each key column")
        }
        guard let name = request.query["column"], let column = wanted.schema.column(name) else {
            throw Failure(
                .invalidArgument, "column= names the numeric column",
                advice: wanted.schema.columns.map(\.name).joined(separator: ", "))
        }
        let time = wanted.schema.clustering.first { $0.type == .timestamp }
        let seconds = try request.query.integer("bucket", in: 1...31_536_000, default: 60)
        var buckets: [Int64: Bucket] = [:]
        var cursor = try tables.snapshot().rows(wanted.table, wanted.query)
        var rows = 0
        while let row = try cursor.next() {
            rows += 1
            guard rows <= Limits.aggregateRows else {
                throw Failure(
                    .limitReached, "more than \(Limits.aggregateRows) rows", advice: "Narrow it with from= and to=")
            }
            guard let value = number(row[name]) else { continue }
            var at: Int64 = 0
            if let time, case .timestamp(let milliseconds)? = row[time.name] {
                let size = Int64(seconds) * 1_000
                at = milliseconds.quotientAndRemainder(dividingBy: size).quotient * size
                if milliseconds < at { at -= size }
            }
            buckets[at, default: Bucket()].add(value)
        }
        return .json { json in
            json.object { json in
                json.member("column", column.name)
                json.member("bucketSeconds", seconds)
                json.member("rows", rows)
                json.key("buckets")
                json.array { json in
                    for (at, bucket) in buckets.sorted(by: { $0.key < $1.key }) {
                        json.object { json in
                            if time != nil { json.member("at", EventTime.milliseconds(at).description) }
                            json.member("min", bucket.minimum)
                            json.member("max", bucket.maximum)
                            json.member("mean", bucket.sum / Double(bucket.count))
                            json.member("sum", bucket.sum)
                            json.member("count", bucket.count)
                        }
                    }
                }
            }
        }
    }

    static func number(_ value: Value?) -> Double? {
        switch value {
        case .tinyint(let n)?: Double(n)
        case .smallint(let n)?: Double(n)
        case .int(let n)?: Double(n)
        case .bigint(let n)?: Double(n)
        case .float(let n)?: Double(n)
        case .double(let n)?: n
        default: nil
        }
    }
}
