internal import COpenSSL

/// The HMAC-SHA1 of MESSAGE-INTEGRITY (RFC 8489 §14.5).
func hmacSHA1(key: String, _ message: [UInt8]) -> [UInt8] {
    let key = Array(key.utf8)
    var result = [UInt8](repeating: 0, count: 20)
    var length: UInt32 = 0
    unsafe HMAC(EVP_sha1(), key, Int32(key.count), message, message.count, &result, &length)
    return result
}
