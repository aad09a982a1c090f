"""What lmms-eval writes of each document: its answers, and what each metric made of them.

    {"doc_id": 0, "input": "...", "target": "D", "resps": ["..."], "filtered_resps": "D", "mmmu_acc": {...}}

is a line of `<date>_samples_<task>.jsonl`. `resps` is left out where it is `filtered_resps`; older files have lists in
lists, and the document itself in "doc". Before that a task was one JSON file with such rows in "logs".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DataError

ABOUT = frozenset(
    (
        "doc_id", "doc", "target", "arguments", "input", "input_media", "resps", "filtered_resps", "filter",
        "token_counts", "doc_hash", "prompt_hash", "target_hash", "per_sample_scores", "agentic_trace", "metrics",
    )
)  # fmt: skip
"""Fields that are no metric."""
NAMES = ("question_id", "id", "qid", "index", "videoID", "video_id", "video")
SCORES = ("score", "acc", "accuracy", "correct")
"""Where the value of a metric is a map: the field that holds the number."""
READ = ("pred_answer", "parsed_pred", "pred")
"""And what was read, to be compared with "answer"."""


@dataclass(frozen=True, slots=True)
class Line:
    """A document in a log."""

    where: str
    """File and line, for messages."""
    data: Mapping[str, Any]

    @property
    def number(self) -> int:
        """The number of the document."""
        number = self.data.get("doc_id")
        if not isinstance(number, int) or number < 0:
            raise DataError(f"{self.where}: expected a number of a document in 'doc_id', found {number!r}")
        return number

    @property
    def texts(self) -> tuple[str, ...]:
        """The answers, with their thinking where that was kept; the first is the one that was scored."""
        found = tuple(_texts(self.data.get("resps", self.data.get("filtered_resps"))))
        if not found:
            raise DataError(f"{self.where}: no text in 'resps' or 'filtered_resps'; only generated answers can be read")
        return found

    @property
    def text(self) -> str:
        """What was asked; "" where the log does not say."""
        told = self.data.get("input", next(iter(_texts(self.data.get("arguments"))), ""))
        return told if isinstance(told, str) else ""

    @property
    def target(self) -> str | None:
        """What was right; None where the log does not say."""
        told = self.data.get("target")
        return None if told is None else str(told)

    @property
    def metrics(self) -> dict[str, Any]:
        """What each metric made of the answer: a number, or a map."""
        kinds = (int, float, dict)
        return {k: v for k, v in self.data.items() if k not in ABOUT and isinstance(v, kinds)}

    def told(self, name: str) -> str | None:
        """A field of the document or of what a metric says of it, such as "question_id"; None where there is none."""
        maps = [self.data.get("doc"), *self.metrics.values()]
        found = (each[name] for each in maps if isinstance(each, Mapping) and isinstance(each.get(name), (str, int)))
        return next((str(value) for value in found), None)


def value(told: Any) -> float | None:
    """What a metric made of an answer, as a number; None where the log has the makings of a sum alone.

    >>> value(True), value({"pred_answer": "A", "answer": "B"}), value({"score": 1}), value({"tp": 3})
    (1.0, 0.0, 1.0, None)
    """
    if isinstance(told, Mapping):
        told = next((told[name] for name in SCORES if isinstance(told.get(name), (int, float))), told)
    if isinstance(told, Mapping):
        read = next((told[name] for name in READ if isinstance(told.get(name), str)), None)
        right = told.get("answer")
        return float(read == right) if isinstance(read, str) and isinstance(right, str) else None
    return float(told) if isinstance(told, (int, float)) and math.isfinite(told) else None


def is_log(path: Path) -> bool:
    """Whether a file looks like a log of samples."""
    try:
        with path.open(encoding="utf-8") as file:
            first = json.loads(file.readline()) if path.suffix == ".jsonl" else json.load(file)
    except (OSError, ValueError, RecursionError):
        return False
    if isinstance(first, dict) and isinstance(first.get("logs"), list) and first["logs"]:
        first = first["logs"][0]
    return isinstance(first, dict) and "doc_id" in first and ("resps" in first or "filtered_resps" in first)


def lines(path: Path) -> list[Line]:
    """The documents of a log in its order; DataError when one is there twice or is none."""
    found = []
    try:
        if path.suffix == ".jsonl":
            rows = [(n, json.loads(t)) for n, t in enumerate(path.read_text("utf-8").split("\n"), 1) if t.strip()]
        else:
            rows = [*enumerate(json.loads(path.read_text("utf-8"))["logs"], 1)]
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected a log of lmms-eval, found something else: {error}") from error
    seen: set[int] = set()
    for number, row in rows:
        where = f"{path}, {'line' if path.suffix == '.jsonl' else 'log'} {number}"
        if not isinstance(row, dict):
            raise DataError(f"{where}: expected an object, found {type(row).__name__}")
        line = Line(where, row)
        if line.number in seen:
            raise DataError(f"{where}: document {line.number} is there already; give a log of one run")
        seen.add(line.number)
        found.append(line)
    return found


def figures(path: Path) -> dict[str, float]:
    """The figures of the task in `<date>_results.json` beside a log; none where there is no such file.

    A metric is written "name,filter" there.
    """
    match = re.fullmatch(r"(.*)_samples_(.+)\.jsonl", path.name)
    beside = path.with_name(f"{match[1]}_results.json") if match else None
    if match is None or beside is None or not beside.is_file():
        return {}
    try:
        told = json.loads(beside.read_text("utf-8"))["results"][match[2]]
        found = {name.partition(",")[0]: told[name] for name in told if "," in name and "_stderr" not in name}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(f"{beside}: expected the results of {match[2]}, found something else: {error!r}") from error
    return {name: float(v) for name, v in found.items() if isinstance(v, (int, float))}


def _texts(told: Any) -> Iterator[str]:
    """The texts in lists in lists."""
    if isinstance(told, str):
        yield told
    elif isinstance(told, list):
        for each in told:
            yield from _texts(each)
