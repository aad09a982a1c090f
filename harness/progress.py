"""How far a run is: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

LINE_SECONDS = 10.0
"""Time between two plain lines."""


class Progress:
    """Counts samples, or what `noun` says: those kept from before, done and failed. A context manager."""

    def __init__(self, console: Console, total: int, before: int = 0, failed: int = 0, noun: str = "samples") -> None:
        """`before` of the total were done in earlier sessions, `failed` of those with an error."""
        self.console = console
        self.total = total
        self.noun = noun
        self.before = self.done = before
        self.failed = failed
        self._begun = self._said = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Progress:
        """Show that it begins."""
        if self.console.is_terminal:
            self._bar = _bar(self.console)
            self._task = self._bar.add_task("", total=self.total, completed=self.done, note=self._note())
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The last word."""
        if self._bar is not None:
            self._bar.stop()
        elif self.done > self.before:
            self._say()

    def engine_started(self) -> None:
        """Loading the model does not count in the rate."""
        self._begun = self._said = time.monotonic()

    def advance(self, failed: bool) -> None:
        """One more sample is done."""
        self.done += 1
        self.failed += failed
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, note=self._note())
        elif time.monotonic() - self._said >= LINE_SECONDS:
            self._said = time.monotonic()
            self._say()

    @property
    def rate(self) -> float:
        """Samples a second since this start."""
        return (self.done - self.before) / max(time.monotonic() - self._begun, 1e-9)

    def _say(self) -> None:
        self.console.print(f"{self.done}/{self.total} {self.noun}, {self._note()}", highlight=False, soft_wrap=True)

    def _note(self) -> str:
        if self.done == self.before:
            return "starting"
        left = (self.total - self.done) / self.rate
        return f"{self.rate:.3g} {self.noun}/s, {clock(left)} left, {self.failed} failed"


def clock(seconds: float) -> str:
    """A time in words.

    >>> clock(5), clock(125), clock(3725)
    ('5 s', '2 min 5 s', '1 h 2 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _bar(console: Console) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    return Bar(BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"), console=console)
