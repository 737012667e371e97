"""Have all answers forgotten that depend on what has just been changed."""

from collections.abc import Iterable

from customerai.domain.cache_tags import GENERATION_SECONDS, new_generation
from customerai.ports import Cache


async def invalidate_answers(tags: Iterable[str], *, cache: Cache) -> None:
    """To be called after the change can be read: an answer that is made now may be kept again.

    Where the cache can't be reached nothing is forgotten, and answers stay for their time.
    """
    generations = {tag: new_generation() for tag in tags}
    if generations:
        await cache.ready()
        await cache.set_many(generations, GENERATION_SECONDS)
