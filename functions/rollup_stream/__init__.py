"""DynamoDB stream: count every change, send on what is to be analysed."""
