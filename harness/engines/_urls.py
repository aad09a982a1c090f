"""Frames as data URLs, encoded once and kept for the next question about them."""

from __future__ import annotations

import asyncio
import base64
import io
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.contracts import Pixels
from harness.records import Frame

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS: dict[str, dict[str, Any]] = {"png": {"compress_level": 1}, "jpeg": {"quality": 95, "subsampling": 0}}
"""How each format is written: PNG without loss, JPEG with colours at full resolution."""

KEPT = 256 * 2**20
"""Characters that are kept."""


class DataUrls:
    """Data URLs of frames."""

    def __init__(self, pixels: Pixels, kind: str) -> None:
        """`kind` is one of FORMATS."""
        self.pixels = pixels
        self.kind = kind
        self._made: OrderedDict[Frame, str] = OrderedDict()
        self._held = 0
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, frames: Sequence[Frame]) -> list[str]:
        """The URL of each frame, in order; VideoError when one cannot be had."""
        if not frames:
            return []
        # The questions about a video come together and ask for the same frames.
        async with self._turns[frames[0].video]:
            known = {frame: self._made[frame] for frame in frames if frame in self._made}
            missing = [frame for frame in dict.fromkeys(frames) if frame not in known]
            if missing:
                images = await self.pixels.get(missing)
                made = await asyncio.to_thread(lambda: [data_url(image, self.kind) for image in images])
                found = dict(zip(missing, made, strict=True))
                known |= found
                self._keep(found)
        return [known[frame] for frame in frames]

    def _keep(self, found: dict[Frame, str]) -> None:
        for frame, url in found.items():
            if frame not in self._made:
                self._made[frame] = url
                self._held += len(url)
        while self._held > KEPT:
            self._held -= len(self._made.popitem(last=False)[1])


def data_url(image: Image, kind: str) -> str:
    """An image as a URL that holds it."""
    file = io.BytesIO()
    image.save(file, kind, **FORMATS[kind])
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
