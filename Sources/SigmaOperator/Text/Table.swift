/// Rows in aligned columns, two blanks between them.
///
/// What stands in a cell is made fit for a terminal here, so that no command can forget it.
struct Table {
    struct Column {
        let title: String
        var isNumber = false
        /// Text of any length, cut where the terminal ends.
        var isFree = false

        static func text(_ title: String) -> Column { Column(title: title) }
        static func number(_ title: String) -> Column { Column(title: title, isNumber: true) }
        static func free(_ title: String) -> Column { Column(title: title, isFree: true) }
    }

    private let columns: [Column]
    private var widths: [Int]
    private var rows: [[String]] = []
    private var hasHeader = true

    /// The narrowest that free text is cut to, columns.
    private static let leastFree = 12

    init(_ columns: [Column]) {
        self.columns = columns
        widths = columns.map { Printable.width(of: $0.title) }
    }

    var isEmpty: Bool { rows.isEmpty }

    /// - Parameter cells: One for each column; an empty one is shown as such.
    mutating func add(_ cells: [String]) {
        precondition(cells.count == columns.count, "a row has a cell for each column")
        let cells = cells.map { Printable.text($0) }
        for (index, cell) in cells.enumerated() {
            widths[index] = max(widths[index], Printable.width(of: cell))
        }
        rows.append(cells)
    }

    /// The rows so far, which are then forgotten; the first time below the titles.
    ///
    /// - Parameter terminal: Its width, in columns; `nil` cuts nothing.
    mutating func take(terminal: Int?, style: Style) -> String {
        let widths = fitting(terminal)
        var text = ""
        if hasHeader { text += style.bold(line(columns.map(\.title), widths)) + "\n" }
        hasHeader = false
        for row in rows { text += line(row, widths) + "\n" }
        rows = []
        return text
    }

    private func fitting(_ terminal: Int?) -> [Int] {
        guard let terminal, let free = columns.firstIndex(where: \.isFree) else { return widths }
        let others = widths.reduce(0, +) - widths[free] + 2 * (columns.count - 1)
        var widths = widths
        widths[free] = min(widths[free], max(terminal - others, Self.leastFree))
        return widths
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (index, column) in columns.enumerated() {
            let cell = column.isFree ? Printable.cut(cells[index], to: widths[index]) : cells[index]
            let blanks = String(repeating: " ", count: max(0, widths[index] - Printable.width(of: cell)))
            line += column.isNumber ? blanks + cell : cell + blanks
            if index < columns.count - 1 { line += "  " }
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}

/// Names and values, one pair a line, the values aligned.
struct Facts {
    private var pairs: [(name: String, value: String)] = []

    /// - Parameter value: `nil` leaves the line out.
    mutating func add(_ name: String, _ value: String?) {
        guard let value else { return }
        pairs.append((name, Printable.text(value)))
    }

    func text(_ style: Style) -> String {
        let width = (pairs.map(\.name.count).max() ?? 0) + 2
        return pairs.map { name, value in
            style.bold(name) + String(repeating: " ", count: width - name.count) + value + "\n"
        }.joined()
    }
}
