"""What the author of a text wants, and how soon somebody should look at it."""
