/// Where a command's words go.
package protocol OperatorOutput: AnyObject {
    /// Standard output.
    func write(_ text: String)
    /// A line of standard error, without its end.
    func complain(_ line: String)
    /// Has all that was written so far be seen.
    func flush()
    /// Waits so many milliseconds, or until nobody reads standard output any more.
    ///
    /// - Returns: Whether somebody does.
    func isRead(after milliseconds: Int) -> Bool
}

/// What a command has of the world.
package struct OperatorContext {
    package var environment: [String: String]
    package let output: any OperatorOutput
    /// Width of the terminal that standard output is; `nil` where it is none.
    package var columns: Int?
    package var zone: LocalTime
    /// Unix time, ms.
    package var now: () -> Int64
    /// All of standard input.
    package var input: () throws(OperatorError) -> [UInt8]
    /// Whether there is a folder `.sigma` here, as `tools/run` makes it.
    package var hasLocalHome: Bool

    package init(
        environment: [String: String], output: any OperatorOutput, columns: Int?, zone: LocalTime,
        now: @escaping () -> Int64, input: @escaping () throws(OperatorError) -> [UInt8],
        hasLocalHome: Bool
    ) {
        self.environment = environment
        self.output = output
        self.columns = columns
        self.zone = zone
        self.now = now
        self.input = input
        self.hasLocalHome = hasLocalHome
    }

    /// Whether what is shown may be bold or coloured (https://no-color.org).
    var hasColours: Bool {
        columns != nil && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    var style: Style { Style(isOn: hasColours) }

    func write(line: String) { output.write(line + "\n") }

    /// Says something beside the result.
    func note(_ line: String) { output.complain("sigmactl: \(line)") }

    /// Writes a line of JSON; on a terminal nothing in it acts on the terminal.
    func write(json: JSONText) {
        let text = json.rendered
        write(line: columns == nil ? text : JSONText.withoutControls(text))
    }
}

/// What a terminal does to stress a text.
struct Style {
    let isOn: Bool

    func bold(_ text: String) -> String { wrap(text, "1") }
    func good(_ text: String) -> String { wrap(text, "32") }
    func bad(_ text: String) -> String { wrap(text, "1;31") }

    private func wrap(_ text: String, _ code: String) -> String {
        isOn ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }
}
