/// First in, first out; it allocates only when it holds more than ever before.
struct FirstInFirstOut<Element: BitwiseCopyable> {
    private var items: [Element] = []
    private var head = 0

    init() { items.reserveCapacity(Self.usual) }

    private static var usual: Int { 256 }

    var isEmpty: Bool { head == items.count }
    var count: Int { items.count - head }

    mutating func append(_ item: Element) {
        // What was taken makes room before the array grows.
        if items.count == items.capacity, head > 0 {
            items.removeFirst(head)
            head = 0
        }
        items.append(item)
    }

    mutating func popFirst() -> Element? {
        guard head < items.count else { return nil }
        let item = items[head]
        head += 1
        if head == items.count {
            items.removeAll(keepingCapacity: true)
            head = 0
        }
        return item
    }

    mutating func removeAll(where isUnwanted: (Element) -> Bool) {
        items.removeFirst(head)
        head = 0
        items.removeAll(where: isUnwanted)
    }
}
