"""Frames through the vision tower: once each, and kept for the next question about them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.contracts import Pixels
from harness.records import Frame

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Sight = tuple["Tensor", ...]
"""What the vision tower makes of a frame: its embeddings, then what goes into deeper layers (Qwen3-VL)."""

KEPT = 256 * 2**20
"""Bytes of embeddings that are kept."""


class Sights:
    """Embeddings of frames."""

    def __init__(self, pixels: Pixels, processor: Any, model: Any, compute: Callable[..., Awaitable[Any]]) -> None:
        """`compute` runs a function on the thread of the model."""
        self.pixels = pixels
        self.processor = processor
        self.model = model
        self.compute = compute
        self._seen: OrderedDict[Frame, Sight] = OrderedDict()
        self._held = 0
        self._turn = asyncio.Lock()

    def measure(self, frames: Sequence[Frame]) -> tuple[list[tuple[int, int, int]], list[int]]:
        """The (1, rows, columns) of patches of each frame, and how many tokens it takes."""
        patch, merge = self.processor.patch_size, self.processor.merge_size
        grid = [(1, frame.size[1] // patch, frame.size[0] // patch) for frame in frames]
        return grid, [rows * columns // merge**2 for _, rows, columns in grid]

    async def see(self, frames: Sequence[Frame]) -> list[Sight]:
        """What the vision tower makes of each frame; VideoError when one cannot be had."""
        known = {frame: self._seen[frame] for frame in frames if frame in self._seen}
        missing = [frame for frame in dict.fromkeys(frames) if frame not in known]
        if missing:
            images = dict(zip(missing, await self.pixels.get(missing), strict=True))
            # One request at a time: those that come together mostly ask for the same frames.
            async with self._turn:
                known |= {frame: self._seen[frame] for frame in missing if frame in self._seen}
                new = [frame for frame in missing if frame not in known]
                if new:
                    patches = await asyncio.to_thread(self._patch, [images[frame] for frame in new])
                    found = dict(zip(new, await self.compute(self._look, patches), strict=True))
                    known |= found
                    self._keep(found)
        return [known[frame] for frame in frames]

    def _keep(self, found: dict[Frame, Sight]) -> None:
        self._seen |= found
        self._held += sum(part.nbytes for sight in found.values() for part in sight)
        while self._held > KEPT:
            _, sight = self._seen.popitem(last=False)
            self._held -= sum(part.nbytes for part in sight)

    def _patch(self, images: list[Image]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = self.processor(images=images, do_resize=False, return_tensors="pt").data
        return found

    def _look(self, patches: dict[str, Tensor]) -> list[Sight]:
        out = self.model.model.get_image_features(
            patches["pixel_values"].to(self.model.device, self.model.dtype),
            patches["image_grid_thw"].to(self.model.device),
            return_dict=True,
        )
        levels = getattr(out, "deepstack_features", None) or []
        return [tuple(part.clone() for part in parts) for parts in zip(out.pooler_output, *levels, strict=True)]
