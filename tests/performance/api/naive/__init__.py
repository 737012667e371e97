"""The usual stack, as a function: what our figures are held against."""
