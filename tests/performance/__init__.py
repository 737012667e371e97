"""Measurements. None is a test: they run by `make`, on a machine that has nothing else to do."""
