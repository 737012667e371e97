"""Logs and metrics, in the shapes that CloudWatch reads without an agent."""
