"""A cache in this process: the layer before Redis, and its stand-in."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence


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
        kept = self._kept.get(key)
        if kept is None:
            return None
        until, value = kept
        if self._clock() >= until:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return value

    async def get_many(self, keys: Sequence[str], *, fresh: bool = False) -> list[bytes | None]:
        """The value of each key, in order; None where there is none."""
        return [await self.get(key, fresh=fresh) for key in keys]

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep it for ``ttl`` seconds. One that is too long only takes away what was there."""
        self._kept.pop(key, None)
        if len(value) > self._max_value_bytes:
            return
        self._kept[key] = self._clock() + max(ttl, 0.001), value
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)

    async def set_many(self, mapping: Mapping[str, bytes], ttl: float) -> None:
        for key, value in mapping.items():
            await self.set(key, value, ttl)

    async def add(self, mapping: Mapping[str, bytes], ttl: float) -> frozenset[str]:
        """Set each key that has no value yet; those that were set."""
        missing = [key for key in mapping if await self.get(key) is None]
        await self.set_many({key: mapping[key] for key in missing}, ttl)
        return frozenset(key for key in missing if key in self._kept)

    async def delete(self, *keys: str) -> None:
        for key in keys:
            self._kept.pop(key, None)

    async def increment(self, key: str, ttl: float) -> int:
        """Count one up from 0; the count. It is forgotten ``ttl`` seconds after its first time."""
        count = int(await self.get(key) or 0) + 1
        until = self._kept[key][0] if count > 1 else self._clock() + max(ttl, 0.001)
        await self.set(key, str(count).encode(), until - self._clock())
        return count
