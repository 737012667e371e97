"""A cache in this process before one that all processes share."""

from collections.abc import Iterable, Mapping, Sequence

from customerai.observability.cache_layers import Layer, Outcome, looked_up
from customerai.ports import Cache, CacheWrite


class LayeredCache:
    """``customerai.ports.Cache`` for values that never change under their key.

    ``near`` is asked first, then ``far`` for what it lacks, which ``near`` keeps for
    ``near_seconds``: so long may a value be found that another process has replaced or deleted.
    What each layer had is counted under ``name``.
    """

    def __init__(self, name: str, near: Cache, far: Cache, near_seconds: float) -> None:
        self._name = name
        self._near = near
        self._far = far
        self._near_seconds = near_seconds

    @property
    def is_usable(self) -> bool:
        return True

    async def ready(self) -> None:
        await self._far.ready()

    async def get(self, key: str, *, fresh: bool = False) -> bytes | None:
        [value] = await self.get_many([key], fresh=fresh)
        return value

    async def get_many(self, keys: Sequence[str], *, fresh: bool = False) -> list[bytes | None]:
        """``fresh``: as the far one's primary has it; the near one is not asked."""
        found: dict[str, bytes] = {}
        if not fresh:
            found = _present(keys, await self._near.get_many(keys))
            self._count(Layer.PROCESS, len(found), len(keys) - len(found))
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        if missing:
            further = _present(missing, await self._far.get_many(missing, fresh=fresh))
            self._count(Layer.SHARED, len(further), len(missing) - len(further))
            await self._near.set_many(further, self._near_seconds)
            found |= further
        return [found.get(key) for key in keys]

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        await self.write([CacheWrite(key, value, ttl)])

    async def set_many(self, mapping: Mapping[str, bytes], ttl: float) -> None:
        await self.write([CacheWrite(key, value, ttl) for key, value in mapping.items()])

    async def add(self, mapping: Mapping[str, bytes], ttl: float) -> frozenset[str]:
        writes = [CacheWrite(key, value, ttl, adds=True) for key, value in mapping.items()]
        return await self.write(writes)

    async def write(self, writes: Sequence[CacheWrite]) -> frozenset[str]:
        """What is to be added is near only where the far one had none."""
        await self._near.write(self._nearer(each for each in writes if not each.adds))
        written = await self._far.write(writes)
        added = (each for each in writes if each.adds and each.key in written)
        await self._near.write(self._nearer(added))
        return written

    async def delete(self, *keys: str) -> None:
        await self._near.delete(*keys)
        await self._far.delete(*keys)

    async def increment(self, key: str, ttl: float) -> int:
        """The far one counts: it counts for all."""
        await self._near.delete(key)
        return await self._far.increment(key, ttl)

    def _nearer(self, writes: Iterable[CacheWrite]) -> list[CacheWrite]:
        """What the near one keeps of what the far one has."""
        most = self._near_seconds
        return [CacheWrite(key, value, min(ttl, most)) for key, value, ttl, _ in writes]

    def _count(self, layer: Layer, hits: int, misses: int) -> None:
        looked_up(self._name, layer, Outcome.HIT, hits)
        looked_up(self._name, layer, Outcome.MISS, misses)


def _present(keys: Sequence[str], values: Sequence[bytes | None]) -> dict[str, bytes]:
    return {key: value for key, value in zip(keys, values, strict=True) if value is not None}
