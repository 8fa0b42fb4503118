/// A queue on one array: the front is a position that is cut off when it is half of it.
struct Fifo<Element> {
    private var items: [Element?] = []
    private var head = 0

    var count: Int { items.count - head }
    var isEmpty: Bool { head == items.count }

    mutating func append(_ item: Element) { items.append(item) }

    mutating func popFirst() -> Element? {
        guard head < items.count else { return nil }
        let item = items[head].take()
        head += 1
        if head == items.count {
            items.removeAll(keepingCapacity: head <= 1_024)
            head = 0
        } else if head >= 64, head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
        return item
    }

    /// Before everything else, in the order given.
    mutating func prepend(_ others: [Element]) {
        items.replaceSubrange(..<head, with: others.map(Optional.some))
        head = 0
    }

    mutating func removeAll(where isGone: (Element) -> Bool) {
        items = items[head...].filter { item in item.map { !isGone($0) } ?? false }
        head = 0
    }

    var first: Element? { head < items.count ? items[head] : nil }
}

extension Fifo: Sendable where Element: Sendable {}
