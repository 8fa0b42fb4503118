internal import MillraceCore

extension ColumnType {
    /// Refuses what CQL refuses of a column's type, whatever the column's role.
    func checkShape(place: String) throws(Failure) {
        try checkShape(depth: 1, place: place)
        if case .user(let type, frozen: false) = self, type.fields.contains(where: { $0.type.isMultiCell }) {
            throw refusal("a user type that is not frozen cannot hold a collection that is not", place)
        }
    }

    private func checkShape(depth: Int, place: String) throws(Failure) {
        guard depth <= Limits.typeDepth else {
            throw refusal("nests deeper than \(Limits.typeDepth) levels", place)
        }
        switch self {
        case .list, .set, .map, .tuple:
            if parts.contains(where: { $0.isMultiCell }) {
                throw refusal("needs what is inside it to be frozen", place, "Write frozen<…> around the inner type")
            }
            if parts.contains(.counter) { throw refusal("cannot hold counters", place) }
        case .user(let type, _):
            try type.check(place: place)
        default: break
        }
        if case .tuple(let fields) = self, fields.isEmpty || fields.count > Limits.typeFields {
            throw refusal("has to have 1 to \(Limits.typeFields) fields", place)
        }
        if case .set(let element, _) = self, element.contains(where: { $0 == .duration }) {
            throw refusal("cannot hold durations: they have no order", place)
        }
        if case .map(let key, _, _) = self, key.contains(where: { $0 == .duration }) {
            throw refusal("cannot have durations as keys: they have no order", place)
        }
        for part in parts { try part.checkShape(depth: depth + 1, place: place) }
    }

    /// Refuses a type that cannot be part of a primary key.
    func checkKeyable(place: String) throws(Failure) {
        if isMultiCell { throw refusal("cannot be in a primary key unless it is frozen", place) }
        if contains(where: { $0 == .counter }) { throw refusal("cannot be in a primary key", place) }
        if contains(where: { $0 == .duration }) {
            throw refusal("cannot be in a primary key: durations have no order", place)
        }
    }

    private func refusal(_ what: String, _ place: String, _ advice: String = "") -> Failure {
        Failure(.invalidSchema, "type \(self) \(what)", advice: advice, place: place)
    }
}

extension UserType {
    func check(place: String) throws(Failure) {
        try Names.check(keyspace, of: "keyspace")
        try Names.check(name, of: "user type")
        guard (1...Limits.typeFields).contains(fields.count) else {
            throw Failure(
                .invalidSchema, "user type \(name) has \(fields.count) fields; 1 to \(Limits.typeFields) are allowed",
                place: place)
        }
        var seen: Set<String> = []
        for field in fields {
            try Names.check(column: field.name)
            guard seen.insert(field.name).inserted else {
                throw Failure(.invalidSchema, "user type \(name) has two fields \(field.name)", place: place)
            }
            if field.type == .counter {
                throw Failure(.invalidSchema, "user type \(name) cannot hold counters", place: place)
            }
            if case .user(_, frozen: false) = field.type {
                throw Failure(
                    .invalidSchema, "field \(field.name) of user type \(name) has to be frozen", place: place)
            }
        }
    }
}
