import MillraceTables

/// Short forms for the history that a failing workload prints.
extension Value {
    var brief: String {
        switch self {
        case .text(let v): v.debugDescription
        case .int(let v): "\(v)"
        case .varint(let v): "\(v)"
        case .blob(let v): "\(v)"
        case .list(let v): "[" + v.map(\.brief).joined(separator: " ") + "]"
        case .set(let v): "{" + v.map(\.brief).joined(separator: " ") + "}"
        case .map(let v): "{" + v.map { "\($0.key.brief):\($0.value.brief)" }.joined(separator: " ") + "}"
        case .tuple(let v): "(" + v.map { $0?.brief ?? "–" }.joined(separator: " ") + ")"
        default: "\(self)"
        }
    }
}

extension [Value] {
    var brief: String { map(\.brief).joined(separator: ",") }
}

extension ModelAssignment: CustomStringConvertible {
    var description: String {
        switch action {
        case .set(let v): "\(column.name)=\(v.brief)"
        case .null: "\(column.name)=null"
        case .unset: "\(column.name)=unset"
        case .append(let v): "\(column.name)+=[\(v.brief)]"
        case .prepend(let v): "\(column.name)=[\(v.brief)]+"
        case .add(let v): "\(column.name)+=\(v.brief)"
        case .remove(let v): "\(column.name)-=[\(v.brief)]"
        case .field(let i, let v): "\(column.name).\(i)=\(v?.brief ?? "null")"
        case .increment(let n): "\(column.name)+=\(n)"
        case .element(let path, _, let v): "\(column.name)[\(path)]=\(v?.brief ?? "null")"
        }
    }
}

extension ModelRange: CustomStringConvertible {
    var description: String {
        (lower.map { ($0.isInclusive ? "[" : "(") + $0.prefix.brief } ?? "(") + " … "
            + (upper.map { $0.prefix.brief + ($0.isInclusive ? "]" : ")") } ?? ")")
    }
}

extension ModelStatement: CustomStringConvertible {
    var description: String {
        switch self {
        case .insert(let key, let cells): "insert (\(key.brief)) \(cells)"
        case .update(let key, let cells): "update (\(key.brief)) \(cells)"
        case .updateStatic(let key, let cells): "update static (\(key.brief)) \(cells)"
        case .deleteRow(let key): "delete row (\(key.brief))"
        case .deleteCells(let key, let columns): "delete (\(key.brief)) \(columns.map(\.name))"
        case .deleteRange(let key, let range): "delete range (\(key.brief)) \(range)"
        case .deletePartition(let key): "delete partition (\(key.brief))"
        }
    }
}
