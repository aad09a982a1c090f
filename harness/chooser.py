"""Views whose frames are chosen by how well they fit the question: recipes such as aks:64, with --scorer.

The candidates of a video are decoded in one pass and looked at once for all questions about it, in a thread beside
everything else; what was seen is kept in memory, which is bounded, and with the frames on disk. Where that takes little
room, they are kept in the size of the view as well, so that those chosen need not be decoded again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness import families, framecache, keyframes, plugins, sampling
from harness.contracts import Scorer
from harness.errors import DataError, UsageError, VideoError
from harness.frames import Frames
from harness.manifest import describe_scorer
from harness.plan import Plan, full_name
from harness.records import Frame, Sample, View
from harness.sampling import KeyFrames
from harness.video import VideoInfo

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")
Rows = NDArray[np.float32]

BATCH = 16
"""Frames that a scorer looks at together."""

MEMORY = 256 << 20
"""Bytes of what was seen that are kept in memory; the video used last may have more."""

SPARE = 128 << 20
"""Bytes that the candidates of a video may take in the size of the view; else those chosen are decoded again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """A scorer, and what run.json says of it."""

    scorer: Scorer
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What a scorer saw of the candidates of a video."""

    times: tuple[float, ...]
    """Those that could be decoded."""
    rows: Rows
    note: str | None = None
    """In a sentence, that there were others."""


def find(text: str | None, plans: Sequence[Plan]) -> Scoring | None:
    """The scorer that --scorer stands for; None when none is needed, UsageError when it is missing or idle."""
    needing = [plan.frames for plan in plans if isinstance(sampling.recipe(plan.frames), KeyFrames)]
    if text is None:
        if needing:
            raise UsageError(f"--frames {needing[0]} chooses frames by scores; {sampling.NEED}")
        return None
    if not needing:
        raise UsageError("--scorer serves recipes that choose frames by scores; add --frames aks:64, or leave it out")
    name, _, folder = text.partition(":")
    name = full_name(name)
    scorer: Scorer = plugins.load("harness.scorers", name)(folder)
    return Scoring(scorer=scorer, told=describe_scorer(name, scorer))


class Chooser:
    """The views of harness.frames.Frames, and for recipes that need a scorer its choice."""

    def __init__(self, frames: Frames, scoring: Scoring, threads: int = 0) -> None:
        """0 threads means one for each core, up to 8."""
        self.frames = frames
        self._scorer, self._told = scoring.scorer, scoring.told
        self._turn = threading.Lock()
        self._pool = ThreadPoolExecutor(threads or min(os.cpu_count() or 1, 8), "chooser")
        self._seen: OrderedDict[tuple[str, tuple[float, ...]], asyncio.Future[Seen]] = OrderedDict()
        self._closed = False

    async def start(self) -> None:
        """Load the scorer."""
        await self._run(self._scorer.start)

    def close(self) -> None:
        """Stop the threads."""
        self._closed = True
        self._pool.shutdown(cancel_futures=True)

    async def view(self, sample: Sample, recipe: str, family: str, max_pixels: int, show: str = "images") -> View:
        """What a model of that family is shown for a sample; VideoError when its video cannot be read."""
        rule = sampling.recipe(recipe)
        if not isinstance(rule, KeyFrames):
            return await self.frames.view(sample, recipe, family, max_pixels, show)
        view = await self.frames.view(sample, rule.candidates, family, max_pixels)
        if len(view.times) <= rule.count:
            return await self.frames.view(sample, rule.candidates, family, max_pixels, show)

        def size(count: int) -> tuple[int, int]:
            length = 0 if show == "images" else count
            return families.family(family).resize(view.width, view.height, max_pixels, length)

        seen = await self._look(view, size(rule.count))
        scores = await self._run(self._score, sample.question, seen.rows)
        times = tuple(seen.times[place] for place in keyframes.choose(scores, rule.count))
        note = "; ".join(filter(None, (view.note, seen.note))) or None
        return replace(view, times=times, size=size(len(times)), show=show, note=note)

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)

    def _score(self, question: str, rows: Rows) -> Sequence[float]:
        with self._turn:
            return _checked(self._scorer.score(question, rows), len(rows))

    async def _look(self, view: View, size: tuple[int, int]) -> Seen:
        """What is seen of all frames of a view, which are the candidates."""
        key = view.video, view.times
        if key not in self._seen:
            self._seen[key] = asyncio.ensure_future(self._see(view, size))
        self._seen.move_to_end(key)
        looking = self._seen[key]
        try:
            seen = await asyncio.shield(looking)
        except VideoError as error:
            raise VideoError(str(error)) from error
        while len(self._seen) > 1 and self._bytes() > MEMORY:
            self._seen.popitem(last=False)
        return seen

    def _bytes(self) -> int:
        done = [each for each in self._seen.values() if each.done() and not each.cancelled()]
        return sum(each.result().rows.nbytes for each in done if each.exception() is None)

    async def _see(self, view: View, size: tuple[int, int]) -> Seen:
        info = await self.frames.info(view.video)
        key = await self._run(self._key, view)
        if (rows := await self._run(self._load, key, len(view.times))) is not None:
            return Seen(times=view.times, rows=rows)
        spare = size if 4 * size[0] * size[1] * len(view.times) <= SPARE else None
        seen, spares = await self._run(self._pass, info, view.times, spare)
        self.frames.passes += 1
        self.frames.decoded += len(seen.times)
        for frame, image in spares.items():
            self.frames.keep(frame, image)
        if seen.note is None:
            await self._run(self._store, key, seen.rows)
        return seen

    def _pass(
        self, info: VideoInfo, times: Sequence[float], spare: tuple[int, int] | None
    ) -> tuple[Seen, dict[Frame, Image]]:
        """Go through a video once; the candidates in the size `spare` come with what was seen."""
        wanted = dict(zip(info.on_screen(times), times, strict=True)).values()
        wholes = [Frame(video=info.path, time=time, size=(info.width, info.height)) for time in wanted]
        rows: dict[float, Rows] = {}
        spares: dict[Frame, Image] = {}
        batch: dict[float, Image] = {}
        lost: dict[float, str] = {}
        small = [replace(whole, size=spare) for whole in wholes] if spare and spare != wholes[0].size else []
        for frame, image in self.frames.pictures(info, [*wholes, *small]):
            if self._closed:
                break
            if isinstance(image, VideoError):
                lost[frame.time] = str(image)
                continue
            if frame.size == spare:
                spares[frame] = image
            if frame.size == (info.width, info.height):
                batch[frame.time] = image
            if len(batch) == BATCH:
                self._take(batch, rows)
        self._take(batch, rows)
        if not rows:
            raise VideoError(lost[min(lost)] if lost else f"no frame of {info.path} was scored")
        note = None
        if lost:
            note = f"{len(lost)} of {len(times)} candidate frames cannot be decoded, the first: {lost[min(lost)]}"
        return Seen(times=tuple(sorted(rows)), rows=np.stack([rows[t] for t in sorted(rows)]), note=note), spares

    def _take(self, batch: dict[float, Image], rows: dict[float, Rows]) -> None:
        if batch and not self._closed:
            with self._turn:
                found = np.asarray(self._scorer.look([*batch.values()]), np.float32)
            if len(found) != len(batch):
                raise DataError(f"the scorer saw {len(found)} of {len(batch)} frames; it must give a row for each")
            rows.update(zip(batch, found, strict=True))
            batch.clear()

    def _key(self, view: View) -> str:
        """What is seen of a video is filed under it, its candidates and the scorer."""
        identity = framecache.identity(view.video, self.frames.decoder.software)
        return hashlib.sha256(json.dumps([identity, view.times, dict(self._told)]).encode()).hexdigest()

    def _load(self, key: str, count: int) -> Rows | None:
        kept = self.frames.disk.load(key) if self.frames.disk else None
        if kept is None:
            return None
        width = kept.size // count // 4
        return np.frombuffer(kept.tobytes(), np.float32, count * width).reshape(count, width)

    def _store(self, key: str, rows: Rows) -> None:
        """Keep rows as a frame of their bytes, one pixel high."""
        if self.frames.disk:
            flat = np.frombuffer(rows.tobytes(), np.uint8)
            self.frames.disk.store(key, np.pad(flat, (0, -len(flat) % 3)).reshape(1, -1, 3))


def _checked(scores: Sequence[float], count: int) -> Sequence[float]:
    if len(scores) != count or not np.isfinite(scores).all():
        raise DataError(
            f"the scorer must give a finite score for each of {count} frames; it gave {list(scores)[:5]} ..."
        )
    return scores
