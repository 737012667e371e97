"""HTTP: analyse texts now."""
