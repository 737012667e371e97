"""A cache in this process: the layer before Redis, and its stand-in."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from customerai.ports import CacheWrite


class MemoryCache:
    """``customerai.ports.Cache`` of ``capacity`` keys; the one used longest ago is forgotten first.

    ``max_value_bytes`` bounds each value, so both together bound the memory.
    """

    def __init__(
        self,
        capacity: int = 1024,
        *,
        max_value_bytes: int = 256 * 1024,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._capacity = capacity
        self._max_value_bytes = max_value_bytes
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def is_usable(self) -> bool:
        return True

    async def ready(self) -> None:
        """It always is."""

    async def get(self, key: str, *, fresh: bool = False) -> bytes | None:  # noqa: ARG002 always is
        return self._find(key)

    async def get_many(self, keys: Sequence[str], *, fresh: bool = False) -> list[bytes | None]:  # noqa: ARG002
        """The value of each key, in order; None where there is none."""
        return list(map(self._find, keys))

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep it for ``ttl`` seconds. One that is too long only takes away what was there."""
        self._write(CacheWrite(key, value, ttl))

    async def set_many(self, mapping: Mapping[str, bytes], ttl: float) -> None:
        await self.write([CacheWrite(key, value, ttl) for key, value in mapping.items()])

    async def add(self, mapping: Mapping[str, bytes], ttl: float) -> frozenset[str]:
        """Set each key that has no value yet; those that were set."""
        writes = [CacheWrite(key, value, ttl, adds=True) for key, value in mapping.items()]
        return await self.write(writes)

    async def write(self, writes: Sequence[CacheWrite]) -> frozenset[str]:
        """Each in turn; the keys that were set."""
        return frozenset(each.key for each in writes if self._write(each))

    async def delete(self, *keys: str) -> None:
        for key in keys:
            self._kept.pop(key, None)

    async def increment(self, key: str, ttl: float) -> int:
        """Count one up from 0; the count. It is forgotten ``ttl`` seconds after its first time."""
        count = int(self._find(key) or 0) + 1
        until = self._kept[key][0] if count > 1 else self._clock() + max(ttl, 0.001)
        await self.set(key, str(count).encode(), until - self._clock())
        return count

    def _find(self, key: str) -> bytes | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        until, value = kept
        if self._clock() >= until:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return value

    def _write(self, write: CacheWrite) -> bool:
        if write.adds and self._find(write.key) is not None:
            return False
        self._kept.pop(write.key, None)
        if len(write.value) > self._max_value_bytes:
            return False
        self._kept[write.key] = self._clock() + max(write.ttl, 0.001), write.value
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return write.key in self._kept
