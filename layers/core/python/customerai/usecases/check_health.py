"""Whether every part that requests need serves."""

import asyncio
from collections.abc import Mapping

from customerai.ports import Probe


async def check_health(probes: Mapping[str, Probe]) -> dict[str, bool]:
    """Part to whether it serves, all asked at once; each probe brings its own time-out."""
    served = await asyncio.gather(*map(_serves, probes.values()))
    return dict(zip(probes, served, strict=True))


async def _serves(probe: Probe) -> bool:
    try:
        await probe()
    except Exception:  # noqa: BLE001 - whatever it raises, the part does not serve
        return False
    return True
