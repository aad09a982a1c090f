"""The votes of a run as a log that lmms-eval scores again: `lmms-eval --model from_log --model_args logs=DIR`.

That is its log of earlier years, which it still reads but writes no more. Documents have numbers there: those of the
run where it came from lmms-eval, else the places of the samples in the data folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.contracts import Task
from harness.errors import UsageError
from harness.lmms.asking import winner
from harness.plan import data_folder
from harness.records import Record
from harness.store import read_records, read_run, write_bytes
from harness.summary import restore, summarise

if TYPE_CHECKING:
    from rich.console import Console


def write(run: Path, out: Path, data: Path | None, names: Mapping[str, str], console: Console) -> None:
    """Write OUT/<lmms-eval's name>.json for each task, and print the scores that lmms-eval should find."""
    told = read_run(run)
    tasks = [restore(spec) for spec in told["settings"]["tasks"]]
    if unknown := sorted(names.keys() - {task.name for task in tasks}):
        raise UsageError(f"--task names {unknown[0]!r}; in {run} there are: {', '.join(task.name for task in tasks)}")
    records: dict[str, dict[str, Record]] = {task.name: {} for task in tasks}
    for record in read_records(run):
        records[record.task][record.sample.id] = record
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to the folder {out}: {error.strerror}") from error
    scores = summarise(run, told)["tasks"]
    for task in tasks:
        theirs = names.get(task.name, task.name.rpartition(":")[2])
        order = _order(task, told, data, records[task.name])
        logs = [_log(number, records[task.name].get(sample)) for number, sample in order]
        document = {
            "args": {"model": (told["settings"]["model"] or {"name": "none"})["name"], "model_args": "", "limit": None},
            "model_configs": {"task": theirs},
            "time": datetime.fromisoformat(told["sessions"][0]["started"]).strftime("%m%d_%H%M"),
            "logs": logs,
        }
        write_bytes(out / f"{theirs}.json", json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8"))
        empty = sum(log["resps"] == [[""]] for log in logs)
        key = next(iter(task.columns))
        ours = scores[task.name]["all"].get(key)
        said = f"{theirs}: {len(logs)} answers, {empty} of them empty; all counted, {key} is "
        console.print(said + ("not known" if ours is None else f"{100 * ours:.2f}"), highlight=False, soft_wrap=True)


def _order(
    task: Task, told: Mapping[str, Any], data: Path | None, records: Mapping[str, Record]
) -> Sequence[tuple[int, str]]:
    """The number and the id of each document."""
    if hasattr(task, "document"):
        return sorted((int(sample), sample) for sample in records)
    place = told["places"].get(f"data of {task.name}")
    root = data_folder(data, task.name) if data is not None else Path(place) if place else None
    if root is None or not root.is_dir():
        raise UsageError(f"the data of {task.name} gives the order of its documents and is not in {root}; give --data")
    return [(number, sample.id) for number, sample in enumerate(task.samples(root))]


def _log(number: int, record: Record | None) -> dict[str, Any]:
    """A document's answer; an empty text for an abstention, and for a sample without an answer."""
    vote = record.vote if record is not None else None
    said = (vote.answer or winner(record)) if record is not None and vote is not None and not vote.abstained else None
    return {"doc_id": number, "resps": [[said or ""]]}
