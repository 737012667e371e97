"""Training texts as token ids on disk: tokenised once, then memory-mapped by every run and worker.

The store holds every word piece of every text, before anything is drawn or cut into windows, so
that one serves all runs over the same files.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.artifacts import lock_file
from models.encoder import tokens as encoder_tokens
from models.encoder.tokens import WindowTokenizer, windows
from models.sentiment.examples import Examples

SHARD_TEXTS = 65_536
_META = "store.json"
_UNCUT = 1 << 30
_FORMAT = "1"

Ids = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class TokenStore:
    """n tokenised texts.

    `label` is int64 (n,), `binary` bool (n,), `source` str (n,), as in `Examples`; `length` is
    int64 (n,), in word pieces without [CLS] and [SEP].
    """

    shards: tuple[tuple[Ids, npt.NDArray[np.int64]], ...]
    """Memory-mapped: every id of a shard end to end, and where each text starts (texts + 1)."""

    label: npt.NDArray[np.int64]
    binary: npt.NDArray[np.bool_]
    source: npt.NDArray[np.str_]
    length: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label)

    def pieces(self, row: int) -> Ids:
        """Return the ids of text `row`, without [CLS] and [SEP]."""
        ids, offsets = self.shards[row // SHARD_TEXTS]
        place = row % SHARD_TEXTS
        return ids[offsets[place] : offsets[place + 1]]


def store_key(files: Sequence[Path], tokenizer: Path, own: bool) -> str:
    """Name what a store is made of: the files' and the tokenizer's contents, the code that
    normalises text, and whether (and which of) this project's own examples are in it."""
    key = hashlib.sha256(_FORMAT.encode())
    sources = [*files, tokenizer, Path(encoder_tokens.__file__)]
    if own:
        from models.sentiment.fairness import augmentation, augmentation_sentences, spelling

        sources += [
            Path(str(module.__file__))
            for module in (augmentation, augmentation_sentences, spelling)
        ]
    for source in sources:
        key.update(lock_file(source).sha256.encode())
    return key.hexdigest()[:16]


def open_store(folder: Path, key: str, tokenizer: Path, read: Callable[[], Examples]) -> TokenStore:
    """Map the store of that key in `folder`; write it first where it isn't there.

    Several processes may call this at once: one writes, the others wait for it. One that dies while
    writing leaves nothing that a later call would take for a store.

    Raises:
        ValueError: an id of the tokenizer doesn't fit into 16 bits.
        InvalidExamplesError: from `read`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole, part = folder / key, folder / f"{key}.part"
    with _alone(folder / ".lock"):
        if not whole.exists():
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            _write(part, read(), WindowTokenizer(tokenizer, _UNCUT))
            part.rename(whole)
    return _map(whole)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    # The system lets go of the lock when its holder dies, however it dies.
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(folder: Path, examples: Examples, tokenizer: WindowTokenizer) -> None:
    names, codes = np.unique(examples.source, return_inverse=True)
    np.save(folder / "label.npy", examples.label.astype(np.int8))
    np.save(folder / "binary.npy", examples.binary)
    np.save(folder / "source.npy", codes.astype(np.int16))
    shards = 0
    for start in range(0, len(examples), SHARD_TEXTS):
        cuts = tokenizer.encode(examples.text[start : start + SHARD_TEXTS])
        pieces = [cut[0][1:-1] if cut else [] for cut in cuts]
        ids = np.fromiter((piece for text in pieces for piece in text), dtype=np.int64)
        if ids.size and ids.max() > np.iinfo(np.uint16).max:
            raise ValueError(f"token id {ids.max()} doesn't fit into 16 bits")
        offsets = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
        # One id more than there are: an empty array can't be mapped.
        np.save(folder / f"ids-{shards:05d}.npy", np.append(ids, 0).astype(np.uint16))
        np.save(folder / f"offsets-{shards:05d}.npy", offsets)
        shards += 1
    meta = {"texts": len(examples), "shards": shards, "sources": names.tolist()}
    (folder / _META).write_text(json.dumps(meta), encoding="utf-8")


def _map(folder: Path) -> TokenStore:
    meta = json.loads((folder / _META).read_text(encoding="utf-8"))
    shards = tuple(
        (
            np.load(folder / f"ids-{shard:05d}.npy", mmap_mode="r"),
            np.load(folder / f"offsets-{shard:05d}.npy", mmap_mode="r"),
        )
        for shard in range(meta["shards"])
    )
    return TokenStore(
        shards=shards,
        label=np.load(folder / "label.npy").astype(np.int64),
        binary=np.load(folder / "binary.npy"),
        source=np.asarray(meta["sources"])[np.load(folder / "source.npy")],
        length=np.concatenate([np.diff(offsets) for _, offsets in shards]),
    )


def window_of_each(
    length: npt.NDArray[np.int64], window_tokens: int, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return start and end (n,) of the window of each text that a run sees.

    A long text is shown as one window of it, drawn at random, because windows are what the
    predictor shows the encoder too.

    Args:
        length: word pieces of each text.
        window_tokens: longest window, [CLS] and [SEP] included.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    size = window_tokens - 2
    start, end = np.zeros_like(length), length.copy()
    for row in np.flatnonzero(length > size):
        cuts = windows(int(length[row]), size)
        start[row], end[row] = cuts[int(rng.integers(len(cuts)))]
    return start, end
