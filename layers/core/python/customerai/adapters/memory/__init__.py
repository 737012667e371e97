"""The ports in memory, for tests: real adapters, held to the same contract suites as the others."""
