"""What a run will ask: each task with its options, its samples, and how its videos are sampled and answers drawn."""

from __future__ import annotations

import hashlib
import os
import random
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import plugins
from harness.codec import encode
from harness.contracts import Task
from harness.errors import DataError, UsageError
from harness.model import Named
from harness.records import Sample
from harness.sampling import recipe
from harness.schema import dumps
from harness.settings import Asked, Decoding, configure, first
from harness.spool import Spool

LONGEST = 1 << 24
"""Characters of a sample: subtitles of a day have a tenth of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """One task of a run, and what it asks."""

    plugin: str
    """How the task is found again: its name, or the path of its file."""
    task: Task
    root: Path
    """The data folder."""
    samples: Sequence[Sample]
    """Those that will be asked, in the order of the data."""
    items: int
    all_items: int
    """Items before --limit."""
    fingerprint: str
    """SHA-256 over all samples of the data folder."""

    @property
    def partial(self) -> bool:
        """Whether --limit left items out."""
        return self.items < self.all_items

    @property
    def groups(self) -> dict[str, list[str]]:
        """Axis -> its values in the order of the data."""
        found: dict[str, dict[str, None]] = {}
        for sample in self.samples:
            for axis, value in sample.groups.items():
                found.setdefault(axis, {})[value] = None
        return {axis: [*values] for axis, values in found.items()}

    def by_video(self) -> Iterator[Sample]:
        """The samples with those of one video together, so that its frames and prompt prefix are used again."""
        videos: dict[str, array[int]] = {}
        for place, sample in enumerate(self.samples):
            videos.setdefault(sample.video, array("q")).append(place)
        for places in videos.values():
            yield from map(self.samples.__getitem__, places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Questions):
    """And how it asks."""

    frames: str
    max_pixels: int
    show: str
    """How the frames are shown: a key of harness.prompt.SHOWS."""
    decoding: Decoding


def make(asked: Asked, model: Named | None) -> list[Plan]:
    """The plans of all tasks; every mistake in the command or the data is found here, before a model is loaded."""
    loaded = {name: load(name) for name in dict.fromkeys(asked.tasks)}
    names = [task.name for task in loaded.values()]
    if len(set(names)) < len(names):
        raise UsageError(f"two of the tasks have the same name: {', '.join(names)}; run them apart")
    for name in asked.options:
        if name not in names:
            raise UsageError(f"-o {name}...: no such task is asked for; there are: {', '.join(names)}")
    if not asked.data.is_dir():
        raise UsageError(f"there is no data folder {asked.data}; give --data, or write one with: harness data shapes")
    return [_plan(asked, plugin, task, model) for plugin, task in loaded.items()]


def load(name: str) -> Task:
    """The task of a name or of a Python file, with its default options."""
    task = plugins.load("harness.tasks", name)
    if not isinstance(task, Task):
        raise UsageError(f"`task` of {name} must be an instance of harness.contracts.Task, found {task!r}")
    return task


def full_name(plugin: str) -> str:
    """The name of a plugin, with the absolute path of a file in it, so that it is found from any folder."""
    first, colon, argument = plugin.partition(":")
    if plugin.endswith(".py"):
        return str(Path(plugin).resolve())
    return f"{first}:{Path(argument).resolve()}" if colon and Path(argument).is_file() else plugin


def configured(asked: Asked, task: Task) -> Task:
    """The task with its options: those of the preset, --prompt and -o, each outranking the one before."""
    prompt = {"prompt": asked.prompt} if asked.prompt is not None and hasattr(task, "prompt") else {}
    return configure(task, {**task.preset(asked.preset).options, **prompt, **asked.options.get(task.name, {})})


def _plan(asked: Asked, plugin: str, task: Task, model: Named | None) -> Plan:
    preset, task = task.preset(asked.preset), configured(asked, task)
    frames = first(asked.frames, preset.frames, model.frames if model else None, task.frames)
    recipe(frames)
    root = data_folder(asked.data, task.name)
    samples = Spool(Sample, bounded(task.samples(root), task.name, root))
    check(samples, task.name, root)
    items = [*dict.fromkeys(sample.item for sample in samples)]
    chosen = set(items)
    if asked.limit is not None and asked.limit < len(items):
        chosen = set(random.Random(f"{asked.seed}:{task.name}").sample(items, asked.limit))
    return Plan(
        plugin=full_name(plugin),
        task=task,
        root=root,
        samples=samples.at(place for place, sample in enumerate(samples) if sample.item in chosen),
        items=len(chosen),
        all_items=len(items),
        fingerprint=fingerprint(samples, root),
        frames=frames,
        max_pixels=first(asked.max_pixels, preset.max_pixels, model.max_pixels if model else None, task.max_pixels),
        decoding=asked.decoding(model.max_tokens if model else None, preset),
        show=asked.show,
    )


def data_folder(data: Path, task: str) -> Path:
    """DATA/<task> where that is a folder, else DATA itself."""
    return data / task if (data / task).is_dir() else data


def bounded(samples: Iterable[Sample], task: str, root: Path) -> Iterator[Sample]:
    """The samples; DataError when one says more than a question can."""
    for sample in samples:
        texts = (sample.id, sample.item, sample.question, *sample.options, sample.answer or "", sample.context or "")
        if (length := sum(map(len, texts))) > LONGEST:
            raise DataError(
                f"the task {task} has a sample of {length:,} characters in {root}: {sample.id[:40]!r}; mend it"
            )
        yield sample


def check(samples: Sequence[Sample], task: str, root: Path) -> None:
    """DataError when there are no samples, or two of one id."""
    if not samples:
        raise DataError(f"the task {task} has no samples in {root}; give another --data")
    seen: set[str] = set()
    for sample in samples:
        if sample.id in seen:
            raise DataError(f"the task {task} has two samples of the id {sample.id!r} in {root}; ids must be unique")
        seen.add(sample.id)


def fingerprint(samples: Iterable[Sample], root: Path) -> str:
    """SHA-256 over the samples, with videos relative to the data folder; the videos themselves are not read."""
    digest = hashlib.sha256()
    for sample in samples:
        moved = replace(sample, video=os.path.relpath(sample.video, root.absolute()))
        digest.update(dumps(encode(moved), sample.id) + b"\n")
    return digest.hexdigest()
