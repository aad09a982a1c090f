"""Rows as examples for a trainer, built when they are wanted: frames, prompt, reference.

A video is shown as uniform frames, with the key frames of the row in their places among them, each after its time.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import families, prompt
from harness.errors import DataError, VideoError
from harness.frames import Frames
from harness.records import Frame, Request, Sample, View

from . import asking, sources
from .rows import VISUAL, Row

if TYPE_CHECKING:
    from PIL.Image import Image

KEPT_VIEWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How rows are shown to a model."""

    family: str
    frames: str = "uniform:16"
    """As --frames of a run (harness/sampling.py)."""
    max_pixels: int = 128 * 28 * 28
    """Of a frame (arXiv 2510.20579, A.1)."""
    image_pixels: int = 256 * 28 * 28
    """Of an image."""
    key_frames: bool = True
    """Whether the key frames of a row are shown as well."""
    evidence: bool = True
    """Whether evidence is asked for and cited; False is the text-only variant of the paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A row as a model sees it."""

    row: Row
    view: View
    request: Request
    images: tuple[Image, ...]


class Examples:
    """The rows of a file by their index, each made when it is asked for."""

    def __init__(self, rows: Sequence[Row], root: Path, looks: Looks, cache: Path | None = None) -> None:
        """`root` holds the folders of media (training/sources.py); `cache` keeps decoded frames on disk."""
        self.rows, self.root, self.looks, self._cache = rows, root, looks, cache
        self._frames = Frames(cache=cache)
        self._loop = asyncio.new_event_loop()
        weakref.finalize(self, self._loop.close)
        self._views: dict[int, View] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """What another process makes them from, and what tells them from others."""
        return Examples, (self.rows, self.root, self.looks, self._cache)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def __getitem__(self, index: int) -> Example:
        """The example of that row; VideoError or DataError, with the id of the row, when its media cannot be read."""
        row = self.rows[index]
        try:
            view = self.view(index)
            request = ask(row, view, self.looks.evidence)
            return Example(row=row, view=view, request=request, images=self._images(row, request))
        except VideoError as error:
            raise VideoError(f"row {row.id!r} of {row.source}: {error}") from error

    def close(self) -> None:
        """Stop the threads that decode."""
        self._frames.close()
        self._loop.close()

    def view(self, index: int) -> View:
        """What is shown of that row."""
        if index not in self._views:
            if len(self._views) >= KEPT_VIEWS:
                self._views.clear()
            row = self.rows[index]
            self._views[index] = (
                self._still(row) if row.task == VISUAL else self._loop.run_until_complete(self._film(row))
            )
        return self._views[index]

    def _still(self, row: Row) -> View:
        path = sources.media(self.root, row)
        with _opened(path) as image:
            width, height = image.size
        size = families.family(self.looks.family).resize(width, height, self.looks.image_pixels)
        told = {"width": width, "height": height, "size": size, "family": self.looks.family}
        return View(video=str(path), times=(0.0,), duration=0.0, **told)

    async def _film(self, row: Row) -> View:
        path = str(sources.media(self.root, row))
        sample = Sample(id=str(row.id), item=str(row.id), kind=row.task, video=path, question=row.question)
        view = await self._frames.view(sample, self.looks.frames, self.looks.family, self.looks.max_pixels)
        if not (self.looks.key_frames and row.key_frames):
            return view
        info = await self._frames.info(path)
        late = [frame.time for frame in row.key_frames if frame.time > info.duration]
        if late:
            raise VideoError(f"its key frame at {late[0]:g} s lies behind the end of {path} at {info.duration:.1f} s")
        shown = info.on_screen([*view.times, *(frame.time for frame in row.key_frames)])
        return replace(view, times=tuple(float(info.times[index]) for index in sorted(set(shown))))

    def _images(self, row: Row, request: Request) -> tuple[Image, ...]:
        frames = prompt.frames(request)
        if row.task != VISUAL:
            return tuple(self._loop.run_until_complete(self._frames.get(frames)))
        from PIL.Image import Resampling

        with _opened(Path(frames[0].video)) as image:
            return (image.convert("RGB").resize(frames[0].size, Resampling.BICUBIC),)


def ask(row: Row, view: View, evidence: bool = True) -> Request:
    """What a model is asked about a row of which it is shown that view."""
    shown = prompt.show(view) if row.task != VISUAL else (Frame(video=view.video, time=0.0, size=view.size),)
    return Request(system=prompt.SYSTEM, parts=(*shown, asking.question(row, view, evidence)))


def supervised(examples: Examples) -> Any:
    """A datasets.Dataset of {prompt, completion, images} for TRL's SFTTrainer, built lazily.

    Only the completion is supervised. Rows without reasoning are a DataError now, not in the middle of training.
    """
    bare = next((row for row in examples.rows if not row.reasoning), None)
    if bare is not None:
        raise DataError(f"the row {bare.id!r} of {bare.source} has no reasoning_process; give the SFT file of STGR")
    return _lazy(examples, partial(_supervise, examples))


def prompts(examples: Examples) -> Any:
    """A datasets.Dataset of {prompt, images, index} for TRL's GRPOTrainer; `index` reaches the rewards."""
    return _lazy(examples, partial(_ask, examples))


def _supervise(examples: Examples, index: int) -> dict[str, Any]:
    made = examples[index]
    text = asking.response(made.row, made.view, examples.looks.evidence)
    completion = [{"role": "assistant", "content": [{"type": "text", "text": text}]}]
    return {"prompt": prompt.messages(made.request), "completion": completion, "images": list(made.images)}


def _ask(examples: Examples, index: int) -> dict[str, Any]:
    made = examples[index]
    return {"prompt": prompt.messages(made.request), "images": list(made.images), "index": index}


def _lazy(examples: Examples, make: Callable[[int], dict[str, Any]]) -> Any:
    from datasets import Dataset

    def build(batch: Mapping[str, list[int]]) -> dict[str, list[Any]]:
        made = [make(index) for index in batch["index"]]
        return {name: [each[name] for each in made] for name in made[0]}

    return Dataset.from_dict({"index": list(range(len(examples)))}).with_transform(build)


def _opened(path: Path) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(path)
    except (OSError, UnidentifiedImageError) as error:
        raise VideoError(f"the image {path} cannot be read: {error}") from error
