"""Interactions of a made-up outdoor shop, for a first look at a new database."""
