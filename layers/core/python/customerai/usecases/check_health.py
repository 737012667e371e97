"""Whether every part that requests need serves."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from customerai.ports import Probe


def check_health(probes: Mapping[str, Probe]) -> dict[str, bool]:
    """Part to whether it serves, all asked at once; each probe brings its own time-out."""
    with ThreadPoolExecutor(len(probes)) as pool:
        return dict(zip(probes, pool.map(_serves, probes.values()), strict=True))


def _serves(probe: Probe) -> bool:
    try:
        probe()
    except Exception:  # noqa: BLE001 - whatever it raises, the part does not serve
        return False
    return True
