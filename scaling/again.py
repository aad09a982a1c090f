"""probe-NAME.jsonl in a run folder: questions asked again with a probe.

The first line says what fixes the answers; each further line holds the number of a draw and a record such as those of
the run. What is on record is not asked again; an error is, with --retry-errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.codec import decode, decode_line, encode
from harness.journal import Journal, raw_lines
from harness.manifest import now, versions
from harness.records import Record
from harness.run import Job, Loop
from harness.schema import loads, validate
from harness.store import begun, key, replace_lines

Place = tuple[str, str, str, int]
"""Probe, task, sample id and draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of probe-NAME.jsonl."""

    draw: int
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question that is owed an answer."""

    probe: str
    draw: int
    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A question that got one, or an error."""

    probe: str
    draw: int
    record: Record

    @property
    def error(self) -> str | None:
        """Why there is no answer."""
        return self.record.error


@dataclass(frozen=True, slots=True)
class Asking:
    """Has questions asked again, as the run asked them."""

    loop: Loop

    async def answer(self, turn: Turn) -> Answer:
        """What came of it."""
        return Answer(probe=turn.probe, draw=turn.draw, record=await self.loop.answer(turn.job))


class Books:
    """The journals of some probes, open for more lines; close them. The folder must be held (harness/store.py)."""

    def __init__(self, folder: Path, settings: Mapping[str, Mapping[str, Any]], *, retry_errors: bool = False) -> None:
        """Go on with those that there are, by name and what fixes the answers; UsageError when that was another."""
        self._folder = folder
        self._files: dict[str, Journal] = {}
        self._heads = {
            name: {"format": 1, "settings": dict(told), "started": now(), "versions": versions()}
            for name, told in settings.items()
        }
        self._begun = {
            name: begun(file(folder, name), "probe_head", head, "give the same flags, or move the file away")
            for name, head in self._heads.items()
        }
        self.known: dict[Place, bool] = {}
        """What was asked -> whether it is an error."""
        for name in (name for name, there in self._begun.items() if there):
            if retry_errors:
                replace_lines(file(folder, name), lambda line: "draw" not in line or line["record"]["error"] is None)
            for line in read(folder, name):
                self.known[name, line.record.task, line.record.sample.id, line.draw] = line.record.error is not None

    def append(self, answer: Answer) -> None:
        """Write one line."""
        name, record = answer.probe, answer.record
        if name not in self._files:
            self._files[name] = Journal(file(self._folder, name))
            if not self._begun[name]:
                self._files[name].append("probe_head", self._heads[name], f"the head of {file(self._folder, name)}")
        line = Line(draw=answer.draw, record=record)
        self._files[name].append("probe_line", encode(line), f"the record of {record.sample.id}")
        task, sample = key(record.task, record.sample.id)
        self.known[name, task, sample, answer.draw] = record.error is not None

    def close(self) -> None:
        """Sync and let go."""
        for journal in self._files.values():
            journal.close()


def file(folder: Path, name: str) -> Path:
    """Where the answers of a probe are."""
    return folder / f"probe-{name}.jsonl"


def read(folder: Path, name: str) -> Iterator[Line]:
    """The answers of a probe, less their rollouts; none where it was not asked."""
    for number, (raw, where) in enumerate(raw_lines(file(folder, name))):
        line = decode_line(Line, raw) if number else None
        if line is None:
            data = loads(raw, where)
            validate("probe_line" if number else "probe_head", data, where)
            line = decode(Line, data) if number else None
        if line is not None:
            yield replace(line, record=replace(line.record, responses=(), predictions=(), grades=()))
