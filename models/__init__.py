"""What the platform learns: one folder per model, and the server that runs them."""
