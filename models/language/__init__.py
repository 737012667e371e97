"""Which language a text is in, and whether the other models understand it."""
