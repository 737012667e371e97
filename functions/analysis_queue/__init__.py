"""SQS: analyse stored interactions in batches."""
