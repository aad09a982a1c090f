"""Which question goes to which worker: those of one video together, longest first, a bounded number at each worker."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness import prompt
from harness.records import Request

W = TypeVar("W", bound=Hashable)

HOMES = 4096
"""Videos of which is remembered which worker has their frames."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A request that waits for a worker, or is with one."""

    request: Request
    video: str
    """What its frames are of; a word of its own where there are none."""
    length: int
    """About how much work it is: pixels that are shown, and 1000 for each token that may be generated."""
    alone: bool = False
    """Whether a worker should be asked nothing else at the same time."""


def ticket(request: Request, number: int) -> Ticket:
    """The ticket of a request; `number` tells those without frames apart."""
    frames = [*prompt.frames(request), *(frame for clip in prompt.clips(request) for frame in clip.frames)]
    pixels = sum(frame.size[0] * frame.size[1] for frame in frames)
    length = pixels + 1000 * request.n * request.max_tokens
    return Ticket(request, frames[0].video if frames else f"\0{number}", length)


class Queue(Generic[W]):
    """Tickets that wait, and those that are with workers. It decides and does nothing itself."""

    def __init__(self, seats: Callable[[int], int]) -> None:
        """`seats` says how many tickets may be with one worker when there are so many workers."""
        self._seats = seats
        self._waiting: dict[str, deque[Ticket]] = {}
        """Video -> its tickets, in the order in which they came."""
        self._alone: deque[Ticket] = deque()
        self._with: dict[W, list[Ticket]] = {}
        self._home: OrderedDict[str, W] = OrderedDict()
        """Video -> the worker that has its frames; the one used last is the last."""
        self._kept_free: W | None = None
        """The worker that gets nothing until it is idle, for a ticket that is to be alone."""

    @property
    def workers(self) -> list[W]:
        """Those there are, in the order in which they came."""
        return [*self._with]

    def join(self, worker: W) -> None:
        """A worker that is ready."""
        self._with[worker] = []

    def leave(self, worker: W) -> list[Ticket]:
        """A worker that is gone; what was with it."""
        self._home = OrderedDict((video, home) for video, home in self._home.items() if home != worker)
        self._kept_free = None if self._kept_free == worker else self._kept_free
        return self._with.pop(worker, [])

    def put(self, ticket: Ticket) -> None:
        """A ticket that waits from now on."""
        if ticket.alone:
            self._alone.append(ticket)
        else:
            self._waiting.setdefault(ticket.video, deque()).append(ticket)

    def end(self, ticket: Ticket) -> None:
        """A ticket that is answered, or not wanted any more, wherever it is."""
        for tickets in (*self._with.values(), self._alone, self._waiting.get(ticket.video, [])):
            if ticket in tickets:
                tickets.remove(ticket)
        self._waiting = {video: tickets for video, tickets in self._waiting.items() if tickets}

    def moves(self) -> Iterator[tuple[Ticket, W]]:
        """Tickets and the workers to which they go now."""
        while move := self._move():
            yield move

    def _move(self) -> tuple[Ticket, W] | None:
        workers = sorted(self._with, key=self._load)
        if self._alone and workers and (self._kept_free is None or not self._load(workers[0])):
            self._kept_free = workers[0]
        for worker in workers:
            if (found := self._pick(worker)) is not None:
                self._with[worker].append(found)
                return found, worker
        return None

    def _pick(self, worker: W) -> Ticket | None:
        if worker == self._kept_free:
            if self._with[worker]:
                return None
            self._kept_free = None
            if self._alone:
                return self._alone.popleft()
        if not self._free(worker) or any(ticket.alone for ticket in self._with[worker]):
            return None
        mine = [video for video in self._waiting if self._home.get(video) == worker]
        new = [video for video in self._waiting if video not in self._home]
        video = self._longest(mine) or self._longest(new) or self._longest(self._to_steal(worker))
        if video is None:
            return None
        self._home[video] = worker
        self._home.move_to_end(video)
        while len(self._home) > HOMES:
            self._home.popitem(last=False)
        found = self._waiting[video].popleft()
        if not self._waiting[video]:
            del self._waiting[video]
        return found

    def _to_steal(self, worker: W) -> list[str]:
        """Videos whose worker has no room for them, for one that is half idle."""
        if 2 * self._load(worker) >= self._seats(len(self._with)):
            return []
        return [video for video in self._waiting if not self._free(self._home[video])]

    def _longest(self, videos: list[str]) -> str | None:
        return max(videos, key=lambda video: sum(each.length for each in self._waiting[video]), default=None)

    def _load(self, worker: W) -> int:
        return len(self._with[worker])

    def _free(self, worker: W) -> bool:
        return worker != self._kept_free and self._load(worker) < self._seats(len(self._with))
