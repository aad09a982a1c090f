"""Things counted, with the first few of each by name: what a check tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.schema import whole

NAMED = 3
"""Cases that are named of each kind."""


@dataclass(frozen=True, slots=True)
class Cases:
    """How often each thing was met, and where first.

    >>> cases = Cases()
    >>> for row in range(5):
    ...     cases.add("rows of nothing", f"row {row}")
    >>> list(cases.told())
    ['rows of nothing: 5, the first: row 0, row 1, row 2']
    """

    count: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, which: str) -> None:
        """One more case."""
        self.count[what] += 1
        named = self.first.setdefault(what, [])
        if len(named) < NAMED:
            named.append(whole(which))

    def told(self) -> Iterator[str]:
        """A line for each thing, the most frequent first."""
        for what, count in self.count.most_common():
            first = self.first.get(what, ())
            yield f"{what}: {count:,}" + (f", the first: {', '.join(first)}" if first else "")
