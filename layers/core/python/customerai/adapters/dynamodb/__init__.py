"""State in DynamoDB. HTTP functions go through pynamodb, consumers through the bare client."""
