"""The desk: requests are handed to workers, waited for until a deadline, and asked again elsewhere when one is lost."""

from __future__ import annotations

import asyncio
import itertools
import logging
from dataclasses import dataclass, field
from typing import Any

from harness.engines._ray_options import Options
from harness.engines._ray_queue import Queue, Ticket, ticket
from harness.errors import EngineError, HarnessError
from harness.records import Request, Response

log = logging.getLogger(__name__)


class Lost(Exception):
    """A worker is gone, or too slow, and gives no answer."""


@dataclass(slots=True, eq=False)
class Member:
    """A worker that has started."""

    actor: Any
    gone: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Why it is lost, once it is."""


class Desk:
    """Between those who ask and the workers that there are."""

    def __init__(self, options: Options, max_in_flight: int) -> None:
        """`max_in_flight` requests are asked at once, of all workers together."""
        self.options = options
        self.queue: Queue[Member] = Queue(lambda workers: options.in_flight or -(-max_in_flight // max(1, workers)))
        self._seated: dict[Ticket, asyncio.Future[Member]] = {}
        """Those who wait for a worker."""
        self._numbers = itertools.count()
        self._closed: str | None = None
        """Why nobody will come."""

    def join(self, member: Member) -> None:
        """A worker that can be asked from now on."""
        self._closed = None
        self.queue.join(member)
        self._deal()

    def leave(self, member: Member, reason: str) -> None:
        """A worker that is gone: what was with it is asked again. It may be said twice."""
        if not member.gone.done():
            member.gone.set_result(reason)
            tickets = self.queue.leave(member)
            if tickets:
                log.warning("%s; %d requests are asked again", reason, len(tickets))
            self._deal()

    def close(self, reason: str) -> None:
        """No worker is there and none will come: fail those who wait, and those who ask until one comes after all."""
        self._closed = reason
        for seated in self._seated.values():
            if not seated.done():
                seated.set_exception(EngineError(reason))

    async def ask(self, request: Request) -> list[Response]:
        """The rollouts, from whichever worker; EngineError when they were asked for too often."""
        asked = ticket(request, next(self._numbers))
        reason = ""
        for attempt in range(self.options.attempts):
            # What was lost twice may be what loses workers: it should take no other request with it.
            asked.alone = attempt >= 2
            try:
                member = await self._seat(asked)
                return await self._hand(member, request)
            except Lost as lost:
                reason = str(lost)
            finally:
                self.queue.end(asked)
                self._deal()
        raise EngineError(f"asked {self.options.attempts} times without an answer; the last time {reason}")

    async def _seat(self, asked: Ticket) -> Member:
        if self._closed is not None:
            raise EngineError(self._closed)
        seated: asyncio.Future[Member] = asyncio.get_running_loop().create_future()
        self._seated[asked] = seated
        self.queue.put(asked)
        self._deal()
        try:
            return await seated
        finally:
            del self._seated[asked]

    def _deal(self) -> None:
        for asked, member in self.queue.moves():
            if not self._seated[asked].done():
                self._seated[asked].set_result(member)

    async def _hand(self, member: Member, request: Request) -> list[Response]:
        import ray
        from ray.exceptions import RayActorError

        call = member.actor.generate.remote(request)
        answer = asyncio.ensure_future(_arrived(call))
        try:
            await asyncio.wait([answer, member.gone], timeout=self.options.deadline, return_when="FIRST_COMPLETED")
            if answer.done():
                found: list[Response] | HarnessError = answer.result()
                if isinstance(found, HarnessError):
                    raise found
                return found
            if member.gone.done():
                raise Lost(member.gone.result())
            raise Lost(f"a worker gave none in {self.options.deadline:g} s; the option deadline gives it more")
        except RayActorError as error:
            reason = f"its worker was lost ({type(error).__name__})"
            self.leave(member, reason)
            raise Lost(reason) from error
        finally:
            if not answer.done():
                answer.cancel()
                ray.cancel(call)


async def _arrived(call: Any) -> Any:
    return await call
