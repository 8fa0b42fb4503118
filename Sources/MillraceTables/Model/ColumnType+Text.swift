public import MillraceCore

extension ColumnType: CustomStringConvertible {
    /// The type as CQL writes it.
    public var description: String { cql(insideFrozen: false) }

    private func cql(insideFrozen: Bool) -> String {
        func wrap(_ text: String, _ frozen: Bool) -> String { frozen && !insideFrozen ? "frozen<\(text)>" : text }
        switch self {
        case .list(let e, let frozen): return wrap("list<\(e.cql(insideFrozen: frozen || insideFrozen))>", frozen)
        case .set(let e, let frozen): return wrap("set<\(e.cql(insideFrozen: frozen || insideFrozen))>", frozen)
        case .map(let k, let v, let frozen):
            let inside = frozen || insideFrozen
            return wrap("map<\(k.cql(insideFrozen: inside)), \(v.cql(insideFrozen: inside))>", frozen)
        case .tuple(let fields):
            let inner = fields.map { $0.cql(insideFrozen: true) }.joined(separator: ", ")
            return wrap("tuple<\(inner)>", true)
        case .user(let type, let frozen): return wrap(Names.cql(type.name), frozen)
        default:
            for scalar in ColumnType.scalars where scalar.type == self { return scalar.name }
            preconditionFailure("a scalar type without a name")
        }
    }

    /// Reads a type as CQL writes it, `map<text, frozen<list<int>>>`.
    ///
    /// - Parameter userType: finds a user type by its name; nil when there is none.
    public static func parse(_ text: String, userType: (String) -> UserType? = { _ in nil }) throws(Failure)
        -> ColumnType
    {
        var parser = CQLTokens(text)
        let type = try parser.type(userType: userType)
        try parser.expectEnd()
        try type.checkShape(place: text)
        return type
    }
}

extension CQLTokens {
    /// A type at the cursor. Its shape is not checked.
    mutating func type(depth: Int = 1, userType: (String) -> UserType?) throws(Failure) -> ColumnType {
        guard depth <= Limits.typeDepth else { throw failure("a type nests deeper than \(Limits.typeDepth) levels") }
        let start = position
        let name = try word("a type")
        func inner(_ parser: inout CQLTokens, count: ClosedRange<Int>) throws(Failure) -> [ColumnType] {
            try parser.expect("<")
            var types: [ColumnType] = []
            repeat { types.append(try parser.type(depth: depth + 1, userType: userType)) } while parser.skip(",")
            try parser.expect(">")
            guard count.contains(types.count) else {
                throw parser.failure("\(name.text) has \(types.count) types inside", at: start)
            }
            return types
        }
        if !name.isQuoted {
            switch name.text {
            case "varchar": return .text
            case "frozen": return try inner(&self, count: 1...1)[0].frozen
            case "list": return .list(try inner(&self, count: 1...1)[0], frozen: false)
            case "set": return .set(try inner(&self, count: 1...1)[0], frozen: false)
            case "map":
                let types = try inner(&self, count: 2...2)
                return .map(types[0], types[1], frozen: false)
            // What is inside a tuple is frozen with it.
            case "tuple": return ColumnType.tuple(try inner(&self, count: 1...Limits.typeFields)).frozen
            default: break
            }
            for scalar in ColumnType.scalars where scalar.name == name.text { return scalar.type }
        }
        if let type = userType(name.text) { return .user(type, frozen: false) }
        throw failure("no type is called \(Names.cql(name.text))", at: start)
    }
}
