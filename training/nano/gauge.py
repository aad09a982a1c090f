"""How far the training is: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

LINE_SECONDS = 30.0


class Gauge:
    """Shows share done, clips a second, time left, and losses as running means."""

    def __init__(self, minutes: float, shown: bool) -> None:
        """`shown` is False in all processes but the first."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self.minutes, self.shown = minutes, shown
        self.console = Console()
        columns = (
            TextColumn("nano"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        self.bar = Progress(*columns, console=self.console, disable=not shown or not self.console.is_terminal)
        self.task = self.bar.add_task("", total=1.0)
        self.means: dict[str, float] = {}
        self.clips, self.begun, self.said = 0, time.monotonic(), 0.0

    def __enter__(self) -> Gauge:
        """Show the bar."""
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it is."""
        self.bar.stop()

    def move(self, done: float, clips: int, losses: Mapping[str, float]) -> None:
        """After a step: the share of the time that is over, clips seen in it, and its losses."""
        self.clips += clips
        for name, value in losses.items():
            self.means[name] = 0.95 * self.means.get(name, value) + 0.05 * value
        rate = self.clips / max(1e-9, time.monotonic() - self.begun)
        told = " ".join(f"{name} {value:.3f}" for name, value in self.means.items())
        text = f"{self.clips} clips, {rate:.1f}/s, loss: {told}"
        self.bar.update(self.task, completed=done, description=text)
        if self.shown and not self.console.is_terminal and time.monotonic() - self.said > LINE_SECONDS:
            self.said = time.monotonic()
            self.console.print(f"{100 * done:.0f} % of {self.minutes:g} min, {text}", highlight=False)
