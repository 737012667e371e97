"""Schedule: send what still waits for its analysis to the queue again."""
