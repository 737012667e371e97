"""How to call something that may be slow, busy or gone: pure asyncio units that know no vendor.

Each takes what to call as a function of no arguments that returns an awaitable, so they nest:
``retries.call(lambda: breaker.call(lambda: hedge.call(fetch)))``. Clocks count seconds.
"""
