"""The front of a list's JSON, compressed: an operation for each codec, level and size.

BENCH_BODY names a file with the JSON, BENCH_SIZES the sizes in bytes. An operation returns the size
of what it makes. Compressors are made once, as a function would.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import brotli  # type: ignore[import-not-found]
import zstandard  # type: ignore[import-not-found]

Compress = Callable[[bytes], bytes]

CODECS: dict[str, Compress] = {
    **{f"gzip {n}": partial(gzip.compress, compresslevel=n, mtime=0) for n in (1, 3, 6, 9)},
    **{f"brotli {n}": partial(brotli.compress, quality=n) for n in (1, 4, 5)},
    **{f"zstd {n}": zstandard.ZstdCompressor(level=n).compress for n in (1, 3)},
}


def operations() -> dict[str, Callable[[], int]]:
    """By codec, level and size."""
    body = Path(os.environ["BENCH_BODY"]).read_bytes()
    sizes = map(int, os.environ["BENCH_SIZES"].split(","))
    return {
        f"{name} {size}": partial(_size, compress, body[:size])
        for size in sizes
        for name, compress in CODECS.items()
    }


def _size(compress: Compress, body: bytes) -> int:
    return len(compress(body))
