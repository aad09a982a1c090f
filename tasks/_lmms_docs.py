"""The documents of a task of lmms-eval as samples: its own videos, words and reference answers, from local data alone.

The data folder is laid out as lmms-eval's HF_HOME is: the annotation in DATA/<dataset_path> or in DATA/hub, as
downloaded, and the videos where the task looks for them, mostly DATA/<cache_dir>.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError
from harness.geometry import Span
from harness.records import Sample

from . import _lmms_scores as scores
from ._lmms_tasks import BUILDERS, Spec, build, call, read, surroundings

VALUES, DOCUMENTS = 40, 5
"""A column of texts breaks results down when it has at most so many values, and so many documents for each."""
OPTIONS = ("options", "choices", "candidates")
"""Columns that hold the options of a question."""


@dataclass(frozen=True, eq=False)
class Documents:
    """The documents of a task, and its scorer."""

    task: Any
    """lmms-eval's own object."""
    docs: Any
    """By their number."""

    def results(self, number: int, text: str) -> dict[str, Any]:
        """What the task makes of an answer to the document of that number; DataError when its scorer fails.

        lmms-eval retries a scorer that fails five times in twenty minutes; this asks it once.
        """
        scorer = inspect.unwrap(type(self.task).process_results)
        found = call(f"scoring {text[:60]!r}", scorer, self.task, self.docs[number], [text])
        if not isinstance(found, dict):
            raise DataError(f"the scorer of lmms-eval's {self.task.config.task} gave {found!r} and no metrics")
        return found


def load(spec: Spec, root: Path) -> tuple[Documents, list[Sample]]:
    """All documents of a data folder; DataError when its annotation or one of its videos is not there."""
    root = root.resolve()
    with surroundings(root):
        task = build({**read(spec.file), **_annotation(spec, root)})
        docs = task.eval_docs if spec.config.get("process_results_use_image") else task.eval_docs_no_media
        shown = [_shown(spec, task, number, doc) for number, doc in enumerate(task.eval_docs)]
    missing = [(number, why) for number, (why, _) in enumerate(shown) if why]
    if missing:
        number, why = missing[0]
        raise DataError(
            f"{len(missing)} of {len(shown)} documents of lmms-eval's {spec.name} have no video in {root}, "
            f"the first of them number {number}: {why}"
        )
    found = Documents(task, docs)
    axes = _axes(docs)
    kinds = _kinds(spec, found)
    return found, [
        _sample(spec, found, number, turn, kinds[number], {axis: values[number] for axis, values in axes.items()})
        for number, (_, turn) in enumerate(shown)
    ]


@dataclass(frozen=True)
class Turn:
    """What a document shows and says."""

    video: str
    part: Span | None
    text: str


def _annotation(spec: Spec, root: Path) -> dict[str, Any]:
    """Where the annotation is, as a change of the task file; DataError when lmms-eval would go to the hub for it."""
    if spec.dataset in BUILDERS:
        files = spec.options.get("data_files") or {}
        named = files.values() if isinstance(files, Mapping) else [files]
        away = [file for file in named if isinstance(file, str) and "://" in file]
        if away:
            raise DataError(f"lmms-eval's {spec.name} reads {away[0]}; have a task file of your own read a local copy")
        return {}
    hub = root / "hub" / f"datasets--{spec.dataset.replace('/', '--')}" / "snapshots"
    places = [root / spec.dataset, *sorted(hub.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)]
    place = next((path for path in places if path.is_dir()), None)
    videos = root / str(spec.options.get("cache_dir"))
    if place is None:
        raise DataError(
            f"lmms-eval's {spec.name} reads the data set {spec.dataset}, which is not in {root}; "
            f"put it into {places[0]}, and its videos where lmms-eval keeps them"
        )
    if spec.options.get("video") and not videos.is_dir():
        raise DataError(f"lmms-eval's {spec.name} looks for its videos in {videos}, which is not there")
    return {"dataset_path": str(place)}


def _shown(spec: Spec, task: Any, number: int, doc: Any) -> tuple[str, Turn]:
    """Why a document cannot be asked, and what it shows; UsageError for one that no data would help."""
    asking = f"asking for the words of document {number} of {spec.name}"
    try:
        turns = call(asking, task.doc_to_messages, doc)
    except DataError as error:
        if isinstance(error.__cause__, SystemExit):
            return str(error.__cause__.code), Turn("", None, "")
        raise
    parts = [part for turn in turns or () for part in turn["content"]]
    seen = [part for part in parts if part["type"] != "text"]
    if not seen:
        return "the task shows no video of it", Turn("", None, "")
    kinds = ", ".join(part["type"] for part in seen)
    if len(turns or ()) != 1 or [part["type"] for part in seen] != ["video"]:
        turned = f" in {len(turns or ())} turns" if len(turns or ()) != 1 else ""
        raise UsageError(
            f"document {number} of lmms-eval's {spec.name} shows {kinds}{turned}; "
            "the bridge asks one question about one video"
        )
    url, part = seen[0]["url"], None
    if isinstance(url, Mapping):
        ends = url.get("video_start"), url.get("video_end")
        part = None if None in ends else Span(float(ends[0] or 0), float(ends[1] or 0))
        url = url.get("url") or url.get("path")
    if not isinstance(url, str):
        raise UsageError(f"lmms-eval's {spec.name} gives a video as {type(url).__name__}; the bridge takes files")
    path = Path(url).absolute()
    text = "\n".join(str(part["text"]) for part in parts if part["type"] == "text")
    return "" if path.is_file() else f"there is no file {path}", Turn(str(path), part, text)


def _sample(spec: Spec, found: Documents, number: int, turn: Turn, kind: str, groups: Mapping[str, str]) -> Sample:
    doc = found.docs[number]
    options = next((doc[name] for name in OPTIONS if _texts(doc.get(name))), ())
    return Sample(
        id=str(number),
        item=str(number),
        kind=kind,
        video=turn.video,
        part=turn.part,
        question=turn.text,
        options=tuple(scores.unlettered(options)),
        answer=_target(spec, found, number),
        groups=groups,
    )


def _target(spec: Spec, found: Documents, number: int) -> str | None:
    """The reference answer as text; None where the task gives none, several, or words that are not of the document."""
    asked = spec.config.get("doc_to_target")
    if isinstance(asked, str) and asked not in found.task.features and "{{" not in asked:
        return None
    target = call(f"asking for the answer of document {number}", found.task.doc_to_target, found.docs[number])
    choices = found.task.doc_to_choice(found.docs[number]) if spec.config.get("doc_to_choice") else None
    if isinstance(target, int) and choices and 0 <= target < len(choices):
        target = choices[target]
    return str(target) if isinstance(target, (str, int, float)) and str(target) else None


def _kinds(spec: Spec, found: Documents) -> list[str]:
    """The metrics that each document has, joined by "+"; those of a task with several may differ."""
    whole = "+".join(spec.metrics)
    if len(spec.metrics) == 1:
        return [whole] * len(found.docs)
    kinds = []
    for number in range(len(found.docs)):
        try:
            given = found.results(number, "")
        except DataError:
            given = dict(spec.metrics)
        kinds.append("+".join(name for name in spec.metrics if name in given) or whole)
    return kinds


def _axes(docs: Any) -> dict[str, list[str]]:
    """The columns of texts with few values, less those of answers and of names."""
    found = {}
    for name in docs.column_names:
        values = docs[name]
        named = "answer" in name.lower() or name.lower().endswith("id")
        if named or not all(isinstance(value, str) for value in values):
            continue
        few = min(VALUES, len(values) // DOCUMENTS)
        if 1 < len(set(values)) <= few:
            found[name] = list(values)
    return found


def _texts(value: object) -> bool:
    return isinstance(value, Sequence) and len(value) > 1 and all(isinstance(each, str) for each in value)
