"""The inference server: SageMaker's container contract over any predictor.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""
