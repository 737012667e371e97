"""Readers and writers in every order that their steps can have."""

import asyncio
from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from customerai.adapters.memory.cache import MemoryCache
from customerai.ports import CacheWrite
from customerai_http.response_cache import FRESH_SECONDS, ResponseCache
from tests.unit.caching.world import TAG, question


class Steps:
    """Holds whoever comes to a step until it is chosen to go on."""

    def __init__(self) -> None:
        self.held: list[asyncio.Future[None]] = []

    async def step(self) -> None:
        gate = asyncio.get_running_loop().create_future()
        self.held.append(gate)
        await gate

    async def run(
        self, tasks: Sequence["asyncio.Task[None]"], choose: Callable[[int], int]
    ) -> None:
        while not all(task.done() for task in tasks):
            await self._settle()
            if self.held:
                self.held.pop(choose(len(self.held))).set_result(None)
        await asyncio.gather(*tasks)

    async def _settle(self) -> None:
        """Until everybody is held or done."""
        for _ in range(20):
            await asyncio.sleep(0)


class SteppedCache(MemoryCache):
    """Each command takes effect at once, some time after it was sent and before it is answered."""

    def __init__(self, steps: Steps, clock: Callable[[], float]) -> None:
        super().__init__(clock=clock)
        self._steps = steps

    async def get_many(self, keys: Sequence[str], *, fresh: bool = False) -> list[bytes | None]:
        await self._steps.step()
        values = await super().get_many(keys, fresh=fresh)
        await self._steps.step()
        return values

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        await self.write([CacheWrite(key, value, ttl)])

    async def write(self, writes: Sequence[CacheWrite]) -> frozenset[str]:
        await self._steps.step()
        written = await super().write(writes)
        await self._steps.step()
        return written


class Race:
    """Two processes over one cache. The store's value is a number that only grows."""

    def __init__(self) -> None:
        self.steps = Steps()
        self.now = 0.0
        self.cache = SteppedCache(self.steps, lambda: self.now)
        self.processes = [ResponseCache(self.cache, clock=lambda: self.now) for _ in range(2)]
        self.stored = 0
        self.answered = 0
        """The last write that was answered: whoever asks from now on must see it."""
        self.seen: list[tuple[int, int]] = []

    async def compute(self) -> Response:
        await self.steps.step()
        value = self.stored
        await self.steps.step()
        return Response(str(value), 200, {}, "text/plain")

    async def read(self, process: int) -> None:
        await self.steps.step()
        least = self.answered
        answer = await self.processes[process].answer(question(), self.compute, strong=False)
        self.seen.append((int(bytes(answer.body)), least))

    async def write(self, process: int) -> None:
        await self.steps.step()
        self.stored += 1
        mine = self.stored
        await self.steps.step()
        await self.processes[process].invalidate([TAG])
        self.answered = max(self.answered, mine)

    async def wait(self) -> None:
        await self.steps.step()
        self.now += FRESH_SECONDS

    async def lose(self) -> None:
        """The cache forgets the answer: it is full, say."""
        await self.steps.step()
        await self.cache.delete(question().key)


ACTIONS = st.sampled_from(["read 0", "read 1", "read 0", "write 0", "write 1", "wait", "lose"])


@settings(max_examples=300, deadline=None)
@given(st.lists(ACTIONS, min_size=2, max_size=9), st.data())
def test_nobody_gets_what_was_changed_before_he_asked(
    actions: list[str], data: st.DataObject
) -> None:
    async def run() -> None:
        race = Race()
        tasks = []
        for action in actions:
            name, _, process = action.partition(" ")
            act = getattr(race, name)
            tasks.append(asyncio.create_task(act(int(process)) if process else act()))
        await race.steps.run(tasks, lambda count: data.draw(st.integers(0, count - 1)))
        last = asyncio.create_task(race.read(0))
        await race.steps.run([last], lambda _: 0)
        assert all(value >= least for value, least in race.seen)
        assert race.seen[-1][0] == race.stored

    asyncio.run(run())
