"""The sentiment network: the encoder under a head for the text and one for its tokens."""

# mypy: allow-subclassing-any
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.encoder.network import INNER, LAYERS, WIDTH, Encoder, load_pretrained, mean_over_tokens
from models.sentiment.labels import LABELS
from models.sentiment.tags import TAGS


class SentimentClassifier(Encoder):
    """MiniLM; mean pooling and a two-layer head for the text, a linear head for each token."""

    def __init__(self, layers: int = LAYERS, dropout: float = 0.1, inner: int = INNER) -> None:
        super().__init__(layers, dropout, inner)
        self.head = nn.Linear(WIDTH, WIDTH)
        self.classes = nn.Linear(WIDTH, len(LABELS))
        self.tokens = nn.Linear(WIDTH, len(TAGS) + len(LABELS))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the text's logits (batch, 3) for token ids (batch, tokens) and their 0/1 mask."""
        return self.of_text(self.hidden(ids, mask), mask)

    def of_text(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return sentiment logits (batch, 3) of last-layer states (batch, tokens, WIDTH)."""
        pooled = mean_over_tokens(hidden, mask)
        head = torch.tanh(self.head(self.dropout(pooled)))
        logits: Tensor = self.classes(self.dropout(head))
        return logits

    def of_tokens(self, hidden: Tensor) -> Tensor:
        """Return (batch, tokens, 6): logits of TAGS, then of the sentiment that an aspect at this
        token meets with."""
        logits: Tensor = self.tokens(self.dropout(hidden))
        return logits


def pretrained_classifier(dropout: float) -> SentimentClassifier:
    """Return a classifier with all-MiniLM-L6-v2's encoder and freshly initialised heads."""
    model = SentimentClassifier(dropout=dropout)
    load_pretrained(model)
    return model


def classifier_of(state: Mapping[str, Tensor], dropout: float = 0.0) -> SentimentClassifier:
    """Return a classifier as large as the one whose weights these are, its own still random."""
    layers = sum(name.endswith(".qkv.weight") for name in state)
    inner = len(state["layers.0.inner.weight"])
    return SentimentClassifier(layers, dropout, inner)
