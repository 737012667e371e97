"""HTTP: what customers said, in numbers."""
