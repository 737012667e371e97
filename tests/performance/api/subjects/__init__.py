"""What runs inside a measured process; each file is loaded by its path."""
