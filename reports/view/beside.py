"""What lies in a run folder beside its records: signals found out later, and what probes changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.codec import decode, encode
from harness.errors import DataError
from harness.journal import lines
from harness.records import Grade, Record
from harness.schema import validate
from harness.store import Key, key

PROBE = re.compile(r"probe-(.+)\.jsonl")
SIGNALS = "signals.jsonl"


class Beside:
    """The further files of a run folder, by task and sample id."""

    def __init__(self, folder: Path) -> None:
        """Read them; DataError when one is not what it should be."""
        self._signals = _signals(folder / SIGNALS)
        self._probes: dict[Key, list[tuple[str, int, Record]]] = {}
        self.names: list[str] = []
        """The probes that there are."""
        for path in sorted(folder.glob("probe-*.jsonl")):
            if match := PROBE.fullmatch(path.name):
                self.names.append(match[1])
                for draw, record in _probe(path):
                    found = self._probes.setdefault(key(record.task, record.sample.id), [])
                    found.append((match[1], draw, _lean(record)))

    def complete(self, record: Record) -> Record:
        """The record with the signals and grades that were found out after the run."""
        line = self._signals.get(key(record.task, record.sample.id))
        if line is None:
            return record
        predictions = list(record.predictions)
        for name, values in line["signals"].items():
            for k, (prediction, value) in enumerate(zip(predictions, values, strict=False)):
                predictions[k] = replace(prediction, signals={name: value, **prediction.signals})
        more = decode(tuple[Grade, ...], line["grades"])
        return replace(record, predictions=tuple(predictions), grades=(*record.grades, *more))

    def probes(self, record: Record) -> list[dict[str, Any]]:
        """What each probe made of a sample: the answer then, and which frames were left out and came in."""
        found = self._probes.get(key(record.task, record.sample.id), [])
        return [_told(name, draw, record, probed) for name, draw, probed in found]


def _told(name: str, draw: int, base: Record, probed: Record) -> dict[str, Any]:
    before, after = ({*record.view.times} if record.view else set() for record in (base, probed))
    known = bool(before and after)
    return {
        "name": name,
        "draw": draw,
        "vote": encode(probed.vote),
        "score": encode(probed.score),
        "error": probed.error,
        "left_out": sorted(before - after) if known else None,
        "put_in": sorted(after - before) if known else None,
    }


def _lean(record: Record) -> Record:
    return replace(record, responses=(), predictions=(), grades=())


def _signals(path: Path) -> dict[Key, dict[str, Any]]:
    found: dict[Key, dict[str, Any]] = {}
    for number, (data, where) in enumerate(lines(path)):
        validate("signals" if number else "grader", data, where)
        if number:
            line = found.setdefault((data["task"], data["sample"]), {"signals": {}, "grades": []})
            line["signals"].update(data["signals"])
            line["grades"].extend(data["grades"])
    return found


def _probe(path: Path) -> Iterator[tuple[int, Record]]:
    for number, (data, where) in enumerate(lines(path)):
        if number:
            draw, record = _parts(data, where)
            validate("record", record, where)
            yield draw, decode(Record, record)
        elif not isinstance(data, Mapping) or data.get("format") != 1:
            raise DataError(f'{where} is not the head of a probe: expected {{"format": 1, ...}}; move the file away')


def _parts(data: Any, where: str) -> tuple[int, Any]:
    if not isinstance(data, Mapping) or type(data.get("draw", 0)) is not int or "record" not in data:
        raise DataError(f'{where} is not a line of a probe: expected {{"draw": 0, "record": ...}}; move the file away')
    return data.get("draw", 0), data["record"]
