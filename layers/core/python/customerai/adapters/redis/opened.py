"""The cache that a function's settings name."""

import os

from customerai.adapters.redis.pools import CachePools
from customerai.observability import gauges
from customerai.snapshots import after


def pools_of(url: str, reader_url: str, iam_name: str) -> CachePools:
    """Pools for ``CACHE_URL``, ``CACHE_READER_URL`` and ``CACHE_IAM_NAME``; nothing is opened yet.

    Like every SDK it takes the region, which tokens are signed for, from ``AWS_REGION``.
    """
    region = os.environ.get("AWS_REGION", "")
    pools = CachePools(url, reader_url, iam_name=iam_name, region=region)
    after(pools.rebuild)
    gauges.watch("cache", pools.told)
    return pools
