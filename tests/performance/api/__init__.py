"""`make bench-api`: what a request costs on its way, each technique beside a named baseline."""
