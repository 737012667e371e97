"""HTTP: analyse texts now; the taxonomy of each tenant."""
