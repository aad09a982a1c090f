"""Frame references to pixels: each frame is decoded once however many requests want it at the same time.

What is wanted of one video is gathered and decoded in one pass, in a child process, beside everything else.
Behind the memory, which is bounded, there may be a cache on disk (harness/framecache.py).
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness import families, framecache, guarded, plugins, sampling
from harness.decoders import Decoder
from harness.errors import VideoError
from harness.framecache import FrameCache
from harness.guard import Leash
from harness.guarded import probe
from harness.pictures import pictures
from harness.records import Frame, Sample, View
from harness.video import VideoInfo
from harness.wholes import Memory, Wholes

if TYPE_CHECKING:
    from PIL.Image import Image

Results = dict[Frame, "Image | VideoError"]
Pictures = Callable[[VideoInfo, Sequence[Frame]], Iterator[tuple[Frame, "Image | VideoError"]]]

PROBED = 256
"""Videos whose presentation times are kept in memory."""

PROBED_FRAMES = 1 << 24
"""Frames of those videos, at 16 bytes each; the video used last may have more."""


class Frames:
    """Makes views of videos and delivers their frames. Images are shared between requests: do not change them in place.

    One event loop at a time may use it.
    """

    def __init__(
        self,
        cache: Path | None = None,
        cache_bytes: int = 16 << 30,
        memory_bytes: int = 1 << 30,
        threads: int = 0,
        decoder: str = "pyav",
        partial: bool = False,
        whole_bytes: int = 0,
    ) -> None:
        """Without `cache` nothing is kept on disk; 0 threads means one for each core, up to 8.

        So many `whole_bytes` of pictures are kept in the size of the source, so that crops need not be decoded again.
        A video that breaks off is an error, or with `partial` its frames before that are all that there is of it.
        """
        self._made_with = (cache, cache_bytes, memory_bytes, threads, decoder, partial, whole_bytes)
        self.decoded = 0
        """Frames that were decoded so far; one that came from memory or disk does not count."""
        self.passes = 0
        """Times that a video was gone through for its frames."""
        self.decoder: Decoder = plugins.load("harness.decoders", decoder)()
        self._decoder_name = decoder
        self._partial = partial
        self.disk = FrameCache(cache, cache_bytes) if cache else None
        self._memory = Memory(memory_bytes)
        self._wholes = Wholes(whole_bytes)
        self._leash = Leash()
        self._pool = ThreadPoolExecutor(threads or min(os.cpu_count() or 1, 8), "frames")
        self._probed: OrderedDict[str, asyncio.Future[VideoInfo]] = OrderedDict()
        self._failed: dict[str | Frame, str] = {}
        """Why a video, or a frame of it, cannot be had; it is not tried again."""
        self._waiting: dict[str, dict[Frame, asyncio.Future[Image | VideoError]]] = {}
        self._asked: defaultdict[str, list[Frame]] = defaultdict(list)
        """The part of `_waiting` that no pass has begun on."""
        self._serving: set[asyncio.Task[None]] = set()

    def __reduce__(self) -> tuple[type[Frames], tuple[object, ...]]:
        """Sent to another process it is made anew there, with the same settings and nothing in memory."""
        return Frames, self._made_with

    async def view(self, sample: Sample, recipe: str, family: str, max_pixels: int, show: str = "images") -> View:
        """What a model of that family is shown for a sample; VideoError when its video cannot be read."""
        video, part = sample.video, sample.part
        info = await self.info(video)
        times = sampling.sample(info.within(part) if part else info, recipe)
        start = part.start if part else 0.0
        length = 0 if show == "images" else len(times)
        return View(
            video=video,
            times=times,
            start=start,
            duration=(min(part.end, info.duration) if part else info.duration) - start,
            width=info.width,
            height=info.height,
            size=families.family(family).resize(info.width, info.height, max_pixels, length),
            family=family,
            note=info.broken,
            show=show,
        )

    async def get(self, frames: Sequence[Frame]) -> list[Image]:
        """RGB images of the sizes asked for, in order; VideoError when one cannot be had."""
        images: dict[Frame, Image | VideoError] = {}
        coming = {}
        for frame in frames:
            failure = self._failed.get(frame.video) or self._failed.get(frame)
            if failure:
                raise VideoError(failure)
            if (image := self._memory.get(frame)) is not None:
                images[frame] = image
            else:
                coming[frame] = self._ask(frame)
        if coming:
            await asyncio.wait(coming.values())
        images.update({frame: future.result() for frame, future in coming.items()})
        return [_checked(images[frame]) for frame in frames]

    def close(self) -> None:
        """Stop the threads, and what is decoded in vain."""
        self._leash.pull()
        self._pool.shutdown(cancel_futures=True)

    async def info(self, video: str) -> VideoInfo:
        """What is known of a video before its frames are decoded; VideoError when it cannot be read."""
        if video in self._failed:
            raise VideoError(self._failed[video])
        if video not in self._probed:
            self._probed[video] = asyncio.get_running_loop().run_in_executor(self._pool, self._probe, video)
        self._probed.move_to_end(video)
        probing = self._probed[video]
        while len(self._probed) > 1 and (len(self._probed) > PROBED or self._frames_probed() > PROBED_FRAMES):
            self._probed.popitem(last=False)
        try:
            return await asyncio.shield(probing)
        except VideoError as error:
            self._failed[video] = str(error)
            raise VideoError(str(error)) from error

    def _probe(self, video: str) -> VideoInfo:
        info = probe(video, self._leash)
        if info.broken and not self._partial:
            raise VideoError(f"{info.broken}; copy or download it again, or use what there is with --partial-videos")
        return info

    def _frames_probed(self) -> int:
        done = [each for each in self._probed.values() if each.done() and not each.cancelled()]
        return sum(len(each.result().times) for each in done if each.exception() is None)

    def _ask(self, frame: Frame) -> asyncio.Future[Image | VideoError]:
        if frame.video not in self._waiting:
            self._waiting[frame.video] = {}
            self._serving.add(task := asyncio.create_task(self._serve(frame.video)))
            task.add_done_callback(self._serving.discard)
        waiting = self._waiting[frame.video]
        if frame not in waiting:
            waiting[frame] = asyncio.get_running_loop().create_future()
            self._asked[frame.video].append(frame)
        return waiting[frame]

    async def _serve(self, video: str) -> None:
        waiting = self._waiting[video]
        try:
            while batch := self._asked.pop(video, None):
                for frame, result in (await self._load(video, batch)).items():
                    self.keep(frame, result)
                    waiting.pop(frame).set_result(result)
        except asyncio.CancelledError:
            for future in waiting.values():
                future.cancel()
            raise
        except Exception as error:
            for future in waiting.values():
                future.set_exception(error)
            raise
        finally:
            del self._waiting[video]
            self._asked.pop(video, None)

    async def _load(self, video: str, frames: Sequence[Frame]) -> Results:
        run, beside = asyncio.get_running_loop().run_in_executor, asyncio.to_thread
        results: Results = {}
        keys: dict[Frame, str] = {}
        # What is quick does not queue behind the decoding of other videos.
        if self.disk:
            results, keys = await beside(_from_disk, self.disk, video, self.decoder.software, frames)
        missing = [frame for frame in frames if frame not in results]
        if not missing:
            return results
        try:
            info = await self.info(video)
            crops, held = self._wholes.crops(info, missing)
            fresh, _ = await beside(_decode, partial(pictures, held), info, crops) if crops else ({}, 0)
            if rest := [frame for frame in missing if frame not in fresh]:
                wholes = self._wholes.beside(info, rest)
                wanted = [*dict.fromkeys((*rest, *wholes))]
                found, decoded = await run(self._pool, _decode, self.pictures, info, wanted)
                self._wholes.keep(found, wholes)
                fresh |= {frame: found[frame] for frame in rest}
                self.passes += decoded > 0
                self.decoded += decoded
        except VideoError as error:
            return results | dict.fromkeys(missing, error)
        if self.disk and keys:
            await beside(_to_disk, self.disk, keys, fresh)
        return results | fresh

    def pictures(self, info: VideoInfo, frames: Sequence[Frame]) -> Iterator[tuple[Frame, Image | VideoError]]:
        """Frames of one video as they come, decoded in a child process; nothing is kept. Threads may share it."""
        return guarded.pictures(self._decoder_name, info, frames, self._leash)

    def keep(self, frame: Frame, result: Image | VideoError) -> None:
        """Have a frame in memory for those who will ask for it."""
        if not isinstance(result, VideoError):
            self._memory.put(frame, result)
        elif frame.crop is None:
            self._failed[frame] = str(result)


def _checked(result: Image | VideoError) -> Image:
    if isinstance(result, VideoError):
        raise VideoError(str(result))
    return result


def _from_disk(
    disk: FrameCache, video: str, software: str, frames: Iterable[Frame]
) -> tuple[Results, dict[Frame, str]]:
    from PIL.Image import fromarray

    try:
        identity = framecache.identity(video, software)
    except OSError:
        return {}, {}
    keys = {frame: framecache.key(identity, frame) for frame in frames}
    found = {frame: disk.load(key) for frame, key in keys.items()}
    return {frame: fromarray(pixels) for frame, pixels in found.items() if pixels is not None}, keys


def _to_disk(disk: FrameCache, keys: Mapping[Frame, str], results: Results) -> None:
    import numpy as np

    for frame, image in results.items():
        if not isinstance(image, VideoError):
            disk.store(keys[frame], np.asarray(image))


def _decode(pictures: Pictures, info: VideoInfo, frames: Sequence[Frame]) -> tuple[Results, int]:
    """The frames, and how many pictures of the video that took."""
    results = dict(pictures(info, frames))
    shown = zip(info.on_screen([frame.source for frame in frames]), frames, strict=True)
    return results, len({index for index, frame in shown if not isinstance(results[frame], VideoError)})
