"""A result file that others made becomes a run folder, to be scored, reported and compared like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import ratings
from harness.contracts import Imported, Task
from harness.errors import UsageError
from harness.lmms import importing as lmms
from harness.lmms.log import is_log
from harness.manifest import described, hash_file, identified, now, session, versions
from harness.plan import Questions, check, configured, data_folder, fingerprint, full_name, load
from harness.ratings import Rating
from harness.records import Record, Sample
from harness.schema import dumps, loads
from harness.session import finish
from harness.settings import Asked
from harness.store import Store, short_key

if TYPE_CHECKING:
    from rich.console import Console

JUDGE = "imported"
"""The name of the judge whose ratings a result file holds."""


def bring(asked: Asked, with_data: bool, console: Console) -> int:
    """Write the run folder of the file in `asked.answers`, print the tables; the exit code.

    With data, the samples are those of the data folder, and one that the file lacks is not evaluated.
    """
    (name,), path = asked.tasks, asked.answers
    if path is None or not path.is_file():
        raise UsageError(f"there is no result file {path}; give the file that holds the answers")
    task = configured(asked, load(name))
    root = data_folder(asked.data, task.name)
    samples = tuple(task.samples(root)) if with_data else ()
    found = lmms.imported(task, path, samples) if is_log(path) else task.imported(path, samples)
    records = _complete(task, found, samples)
    samples = samples or tuple(record.sample for record in records)
    check(samples, task.name, path)
    run = _document(asked, _questions(name, task, root, samples), path)
    for note in found.notes:
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    with Store(asked.out) as store:
        store.join(run)
        store.begin()
        for record in records:
            if short_key(record.task, record.sample.id) not in store.done:
                store.append(record)
        _keep_ratings(asked.out, task, found, run)
        return finish(asked.out, run, console)


def _keep_ratings(folder: Path, task: Task, found: Imported, run: Mapping[str, Any]) -> None:
    """The ratings of the file as those of a judge, so that other judges can be compared with it."""
    if not found.ratings or JUDGE in ratings.names(folder):
        return
    given = []
    for record in found.records:
        request = ratings.question(task, record)
        if request is not None and record.sample.id in found.ratings:
            rating = found.ratings[record.sample.id]
            error = "the judge gave no rating" if rating is None else None
            answer = ratings.answer(record)
            asked = Rating(task=task.name, sample=record.sample.id, request=request.key, answer=answer)
            given.append(replace(asked, rating=rating, error=error))
    told = {"model": None, "engine": run["settings"]["engine"], "tasks": {task.name: task.judge_version}}
    ratings.write(folder, JUDGE, {"format": 1, "settings": told, "started": now(), "versions": versions()}, given)


def _complete(task: Task, found: Imported, samples: tuple[Sample, ...]) -> list[Record]:
    """The records of the file, and errors for the samples that it lacks."""
    there = {record.sample.id for record in found.records}
    blank = [Record(task=task.name, version=task.version, sample=s) for s in samples if s.id not in there]
    return [*found.records, *(replace(record, error="not in the result file") for record in blank)]


def _questions(name: str, task: Task, root: Path, samples: tuple[Sample, ...]) -> Questions:
    items = len({sample.item for sample in samples})
    return Questions(
        plugin=full_name(name),
        task=task,
        root=root,
        samples=samples,
        items=items,
        all_items=items,
        fingerprint=fingerprint(samples, root),
    )


def _document(asked: Asked, plan: Questions, path: Path) -> dict[str, Any]:
    """The content of run.json: what is not known of a run that was not ours is null."""
    document = {
        "format": 1,
        "partial": False,
        "settings": {
            "tasks": [{**identified(plan), "frames": None, "max_pixels": None}],
            "model": None,
            "family": "unknown",
            "engine": {"name": "import", "dtype": "unknown", "options": {}, "answers": hash_file(path, "the file")},
            "decoding": None,
            "voter": "first",
            "seed": 0,
            "limit": None,
        },
        "tasks": {plan.task.name: described(plan)},
        "places": {"answers": str(path.resolve()), f"data of {plan.task.name}": str(plan.root.resolve())},
        "sessions": [session(asked)],
    }
    return dict(loads(dumps(document, "run.json"), "run.json"))
