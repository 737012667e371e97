"""The same training as a SageMaker job: what the service is asked for, and what the container does.

`job` and `pipeline` describe the work to AWS; `python -m models.sentiment.sagemaker` is the entry
point inside the container.
"""
