internal import COpenSSL

/// A failed OpenSSL call: the first code of its queue, the rest cleared.
package struct OpenSSLError: Error, Equatable, Sendable, CustomStringConvertible {
    package let code: UInt

    static func last() -> OpenSSLError {
        let code = UInt(ERR_get_error())
        ERR_clear_error()
        return OpenSSLError(code: code)
    }

    /// OpenSSL's own words, for the log.
    package var description: String {
        var text = [CChar](repeating: 0, count: 256)
        unsafe ERR_error_string_n(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
