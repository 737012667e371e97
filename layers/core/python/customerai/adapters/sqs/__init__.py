"""Queues on Amazon SQS."""
