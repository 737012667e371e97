"""ElastiCache for Valkey, or any Redis from 6.2 on: what may be lost at any time.

redis-py takes long to import, so it is imported when a cache is first asked or warmed, not here.
"""

from customerai.adapters.redis.cache import RedisCache
from customerai.adapters.redis.pools import CachePools

__all__ = ["CachePools", "RedisCache"]
