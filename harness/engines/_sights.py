"""Patches of frames through the vision tower: once each, and kept for the next question about them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.contracts import Pixels
from harness.engines._layout import Patch
from harness.families import PAIR

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Sight = tuple["Tensor", ...]
"""What the vision tower makes of a patch: its embeddings, then what goes into deeper layers (Qwen3-VL)."""

KEPT = 256 * 2**20
"""Bytes of embeddings that are kept."""


class Sights:
    """Embeddings of patches; the vision tower looks at each patch of a video by itself."""

    def __init__(self, pixels: Pixels, processor: Any, model: Any, compute: Callable[..., Awaitable[Any]]) -> None:
        """`compute` runs a function on the thread of the model."""
        self.pixels = pixels
        self.processor = processor
        self.model = model
        self.compute = compute
        self._seen: OrderedDict[Patch, Sight] = OrderedDict()
        self._held = 0
        self._turn = asyncio.Lock()

    async def see(self, patches: Sequence[Patch]) -> list[Sight]:
        """What the vision tower makes of each patch; VideoError when one cannot be had."""
        known = {patch: self._seen[patch] for patch in patches if patch in self._seen}
        missing = [patch for patch in dict.fromkeys(patches) if patch not in known]
        if missing:
            frames = [*dict.fromkeys(frame for patch in missing for frame in patch)]
            images = dict(zip(frames, await self.pixels.get(frames), strict=True))
            # One request at a time: those that come together mostly ask for the same patches.
            async with self._turn:
                known |= {patch: self._seen[patch] for patch in missing if patch in self._seen}
                new = [patch for patch in missing if patch not in known]
                if new:
                    cut = await asyncio.to_thread(self._cut, [[images[frame] for frame in patch] for patch in new])
                    found = dict(zip(new, await self.compute(self._look, cut), strict=True))
                    known |= found
                    self._keep(found)
        return [known[patch] for patch in patches]

    def _keep(self, found: dict[Patch, Sight]) -> None:
        self._seen |= found
        self._held += sum(part.nbytes for sight in found.values() for part in sight)
        while self._held > KEPT:
            _, sight = self._seen.popitem(last=False)
            self._held -= sum(part.nbytes for part in sight)

    def _cut(self, pairs: list[list[Image]]) -> dict[str, Tensor]:
        """Pixels as the vision tower takes them: (cells, values), where the values are colour, frame, row, column.

        The image processor doubles each image, so the second frame of a patch takes the place of the copy of the first.
        """
        cut = self._process([first for first, _ in pairs])
        if any(first is not second for first, second in pairs):
            other = self._process([second for _, second in pairs])["pixel_values"]
            shape = len(other), -1, PAIR, self.processor.patch_size**2
            cut["pixel_values"].view(shape)[:, :, 1] = other.view(shape)[:, :, 1]
        return cut

    def _process(self, images: list[Image]) -> dict[str, Tensor]:
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
