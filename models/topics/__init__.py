"""Which topics of a tenant's own taxonomy a text is about, without any training on it."""
