/// Which way a datagram goes.
package enum Direction: Sendable, CaseIterable {
    /// From a client to the server.
    case up
    /// From the server to a client.
    case down
}

/// One value for each direction.
package struct PerDirection<Value> {
    private var up: Value
    private var down: Value

    package init(repeating value: Value) {
        up = value
        down = value
    }

    package init(up: Value, down: Value) {
        self.up = up
        self.down = down
    }

    package subscript(_ direction: Direction) -> Value {
        get {
            switch direction {
            case .up: up
            case .down: down
            }
        }
        _modify {
            switch direction {
            case .up: yield &up
            case .down: yield &down
            }
        }
    }
}

extension PerDirection: Sendable where Value: Sendable {}
extension PerDirection: Equatable where Value: Equatable {}
