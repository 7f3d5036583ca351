import GRDB
import SigmaStore
import Testing

@Test func opens() throws { #expect(!Placeholder.version.isEmpty) }
