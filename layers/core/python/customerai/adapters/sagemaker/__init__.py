"""Models on Amazon SageMaker endpoints."""
