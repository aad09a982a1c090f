"""The crew: workers are hired where a node has room, watched, and replaced when they are lost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar

from harness.engines._ray_cluster import Cluster
from harness.engines._ray_desk import Desk, Member
from harness.errors import DataError, EngineError, HarnessError, UsageError

T = TypeVar("T")

LOOK = 1.0
"""Seconds between two looks at the nodes."""

STARTS = 3
"""Times in a row that a worker may fail to start at a place before it is given up."""

FAREWELL = 10.0
"""Seconds that a worker has to give back what it took."""

Place = tuple[str, int]
"""A node and the number of a worker on it."""

log = logging.getLogger(__name__)


class Crew:
    """All workers of a run."""

    def __init__(self, cluster: Cluster, desk: Desk) -> None:
        """Nobody is hired before `start`."""
        self.cluster, self.desk, self.options = cluster, desk, cluster.options
        self._places: dict[Place, asyncio.Task[None]] = {}
        self._failed: Counter[Place] = Counter()
        self._error: HarnessError | None = None
        """Why the last worker that did not start did not."""
        self._alone_since = time.monotonic()
        """Since when there is no worker, where there is none."""
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when there is a worker; the error of the last one when none can be started."""
        self._looking = asyncio.create_task(self._look())
        self._looking.add_done_callback(self._stopped)
        while not self.desk.queue.workers:
            if self._looking.done():
                self._looking.result()
            if (error := self._hopeless()) is not None:
                raise error
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Dismiss everybody."""
        tasks = [*self._places.values(), *([self._looking] if self._looking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _stopped(self, looking: asyncio.Task[None]) -> None:
        """Nobody looks any more: a fault of the program, unless it was told to stop."""
        if not looking.cancelled() and (error := looking.exception()) is not None:
            self.desk.close(f"the workers cannot be looked after any more: {error!r}")

    async def _look(self) -> None:
        """Fill the places that are free, again and again."""
        while True:
            for task in self._places.values():
                if task.done():
                    task.result()
            self._places = {place: task for place, task in self._places.items() if not task.done()}
            for node, count in (await asyncio.to_thread(self.cluster.room)).items():
                for place in ((node, number) for number in range(count)):
                    full = self.options.workers and len(self._places) >= self.options.workers
                    if place not in self._places and self._failed[place] < STARTS and not full:
                        self._places[place] = asyncio.create_task(self._employ(place))
            if self.desk.queue.workers:
                self._alone_since = time.monotonic()
            elif (error := self._hopeless()) is not None:
                self.desk.close(str(error))
            await asyncio.sleep(LOOK)

    def _hopeless(self) -> HarnessError | None:
        """Why there is no worker and will be none, if that is so."""
        if self._error is not None and not self._places:
            return self._error
        if time.monotonic() - self._alone_since < self.options.patience or self._places:
            return None
        return EngineError(f"no worker in {self.options.patience:g} s: {self.cluster.told()}")

    async def _employ(self, place: Place) -> None:
        """A worker from its start to its end."""
        from ray.exceptions import RayError

        actor = await asyncio.to_thread(self.cluster.hire, place[0])
        try:
            error = await _within(actor.start.remote(), self.options.patience, "it did not start")
            if error is not None:
                raise error
            await self._watch(place, Member(actor))
        except (HarnessError, RayError) as error:
            # What the command or the data are to blame for does not go away.
            self._failed[place] += STARTS if isinstance(error, (UsageError, DataError)) else 1
            self._error = error if isinstance(error, HarnessError) else EngineError(f"no worker: {_line(error)}")
            log.warning("a worker did not start: %s", _line(error))
            await asyncio.sleep(LOOK)
        finally:
            await _dismiss(actor)

    async def _watch(self, place: Place, member: Member) -> None:
        """Have it asked for as long as it lives."""
        from ray.exceptions import RayError

        self._failed[place], self._error = 0, None
        self.desk.join(member)
        try:
            while not member.gone.done():
                await asyncio.wait([member.gone], timeout=min(5.0, self.options.silence / 4))
                await _within(member.actor.pulse.remote(), self.options.silence, "it gave no sign of life")
        except (EngineError, RayError) as error:
            self.desk.leave(member, f"its worker was lost ({_line(error)})")
        finally:
            self.desk.leave(member, "the run ended")


async def _within(call: Awaitable[T], seconds: float, else_: str) -> T:
    try:
        return await asyncio.wait_for(_awaited(call), seconds)
    except asyncio.TimeoutError:
        raise EngineError(f"{else_} in {seconds:g} s") from None


async def _awaited(call: Awaitable[T]) -> T:
    return await call


async def _dismiss(actor: Any) -> None:
    """Let it close, or else end it."""
    import ray
    from ray.exceptions import RayError

    with suppress(RayError, EngineError):
        await _within(actor.close.remote(), FAREWELL, "it did not close")
    ray.kill(actor)


def _line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
