import COpenSSL
import GRDB
import SigmaSchema

package enum Placeholder {
    package static let version = "0"
}
