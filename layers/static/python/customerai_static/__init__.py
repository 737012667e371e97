"""Sentiment without an encoder: word pieces and their neighbours, added up, under a tiny head.

Importing this imports numpy and tokenizers: a function does so when it first needs an answer.
"""

from customerai_static.artifact import ARTIFACT, StaticArtifactError
from customerai_static.predictor import StaticSentiment

__all__ = ["ARTIFACT", "StaticArtifactError", "StaticSentiment"]
