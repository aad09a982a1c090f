"""Pictures of videos for the page: small, each video decoded once, in files that two questions share."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import VideoError
from harness.frames import Frames
from harness.progress import Progress
from harness.records import Frame
from harness.store import write_bytes
from harness.video import VideoInfo

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console

AT_ONCE = 3
"""Videos under way at once."""
QUALITY = 75
"""Of WebP."""
LAST = 10**7
"""Seconds after which there is nothing to be seen."""


@dataclass(slots=True)
class Wanted:
    """Which pictures of one video are wanted."""

    key: str
    """The folder of its pictures: another one when the file is."""
    times: dict[str, float] = field(default_factory=dict)
    """Name of the picture -> its time."""
    error: str | None = None
    """Why there are none, or not all."""
    size: tuple[int, int] | None = None
    """Of the video in pixels, once it was opened."""


class Album:
    """The pictures that records want, and what became of them."""

    def __init__(self, longest: int) -> None:
        """Pictures whose longer side has so many pixels at most."""
        self.longest = longest
        self.videos: dict[str, Wanted] = {}

    def video(self, path: str) -> Wanted:
        """What is wanted of a video."""
        if path not in self.videos:
            self.videos[path] = Wanted(_key(path, self.longest))
        return self.videos[path]

    def name(self, path: str, time: float) -> str:
        """The name of the picture of a video at a time, which is wanted from now on."""
        wanted = self.video(path)
        if not 0 <= time <= LAST:
            return ""
        name = f"{wanted.key}/{round(time * 1000)}.webp"
        wanted.times.setdefault(name, time)
        return name

    def told(self) -> list[dict[str, Any]]:
        """The videos in the order in which they came, as data of the page."""
        return [
            {"name": Path(path).name, "error": wanted.error, "size": wanted.size}
            for path, wanted in self.videos.items()
        ]

    def draw(self, folder: Path, console: Console) -> int:
        """Write all pictures that are not there yet into a folder; how many there are."""
        return asyncio.run(self._draw(folder, console))

    async def _draw(self, folder: Path, console: Console) -> int:
        gate = asyncio.Semaphore(AT_ONCE)
        with closing(Frames(partial=True)) as frames, Progress(console, len(self.videos), noun="videos") as progress:

            async def one(path: str, wanted: Wanted) -> int:
                async with gate:
                    drawn = await _video(frames, path, wanted, folder, self.longest)
                progress.advance(wanted.error is not None)
                return drawn

            return sum(await asyncio.gather(*(one(*item) for item in self.videos.items())))


async def _video(frames: Frames, path: str, wanted: Wanted, folder: Path, longest: int) -> int:
    missing = {name: time for name, time in wanted.times.items() if not (folder / name).is_file()}
    try:
        info = await frames.info(path)
    except VideoError as error:
        wanted.error = str(error).replace(path, Path(path).name)
        return 0
    wanted.size = info.width, info.height
    if missing:
        (folder / wanted.key).mkdir(parents=True, exist_ok=True)
    lost = 0
    for name, image in (await _images(frames, info, missing, longest)).items():
        if isinstance(image, VideoError):
            wanted.error, lost = str(image).replace(path, Path(path).name), lost + 1
        else:
            write_bytes(folder / name, await asyncio.to_thread(_webp, image))
    return len(wanted.times) - lost


async def _images(
    frames: Frames, info: VideoInfo, times: Mapping[str, float], longest: int
) -> dict[str, Image | VideoError]:
    """All at once, so that the video is gone through once; what then fails is told picture by picture."""
    size = fit(info.width, info.height, longest)
    asked = {name: Frame(video=info.path, time=time, size=size) for name, time in times.items()}
    if not asked:
        return {}
    found = await asyncio.gather(*(frames.get([frame]) for frame in asked.values()), return_exceptions=True)
    images: dict[str, Image | VideoError] = {}
    for name, result in zip(asked, found, strict=True):
        if isinstance(result, VideoError):
            images[name] = result
        elif isinstance(result, BaseException):
            raise result
        else:
            images[name] = result[0]
    return images


def fit(width: int, height: int, longest: int) -> tuple[int, int]:
    """The size of a picture: as the video, but for its longer side.

    >>> fit(1920, 1080, 320), fit(1080, 1920, 320), fit(160, 120, 320)
    ((320, 180), (180, 320), (160, 120))
    """
    by = min(1.0, longest / max(width, height))
    return max(1, round(width * by)), max(1, round(height * by))


def _webp(image: Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY)
    return file.getvalue()


def _key(path: str, longest: int) -> str:
    try:
        stat = Path(path).stat()
        state = f"{stat.st_size} {stat.st_mtime_ns}"
    except (OSError, ValueError):
        state = "missing"
    return hashlib.sha256(f"{path}\0{state}\0{longest}".encode("utf-8", "replace")).hexdigest()[:16]
