"""journal.jsonl of a construction: every answer of a model, by what it was asked; asked again it is read from there.

The first line says what fixes what is asked; another recipe is refused. A line is written before its answer is used, so
that killing the process at any moment costs no answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.codec import decode, encode
from harness.journal import Journal, lines
from harness.manifest import now, versions
from harness.schema import validate
from harness.store import begun, replace_lines

JOURNAL = "journal.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model answered about an item; without a request, why the item failed."""

    stage: str
    """annotate, verify or judge."""
    item: str
    request: str | None = None
    """Key of what was asked."""
    text: str | None = None
    logprobs: Mapping[str, float] | None = None
    """Choice -> log-probability, where it was one of choices and the engine has them."""
    error: str | None = None


class Ledger:
    """The journal of an output folder, open for more; close it. The folder must be held (harness.journal.lock)."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, retry_errors: bool = False) -> None:
        """Go on with the journal or begin it; UsageError when it is that of another recipe."""
        path = folder / JOURNAL
        head = {"format": 1, "settings": settings, "started": now(), "versions": versions()}
        self.known: dict[tuple[str, str], Answer] = {}
        """By stage and key of what was asked."""
        self.failed: dict[str, Answer] = {}
        """By item."""
        goes_on = begun(path, "build", head, "its recipe was another one; give another --out")
        if goes_on and retry_errors:
            replace_lines(path, lambda line: line.get("error") is None)
        for number, (data, where) in enumerate(lines(path)):
            if number:
                validate("build_answer", data, where)
                self._take(decode(Answer, data))
        self._file = Journal(path)
        if not goes_on:
            self._file.append("build", head, f"the head of {path}")

    def add(self, answer: Answer) -> None:
        """Write one line."""
        self._file.append("build_answer", encode(answer), f"the answer about {answer.item}")
        self._take(answer)

    def counts(self) -> dict[str, int]:
        """How many requests of each stage have been answered."""
        return dict(Counter(stage for stage, _ in self.known))

    def close(self) -> None:
        """Sync and let go."""
        self._file.close()

    def _take(self, answer: Answer) -> None:
        if answer.request is None:
            self.failed[answer.item] = answer
        else:
            self.known[answer.stage, answer.request] = answer
