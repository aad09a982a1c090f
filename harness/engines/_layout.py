"""Where images and videos lie in a prompt: its tokens, and the three-dimensional positions (M-RoPE) of each.

The text goes on after the largest position of what came before, in time too, as the authors of Qwen2.5-VL and vLLM have
it; transformers 5 goes on after the height or width of a video, however long it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import families
from harness.engines import _chat
from harness.errors import EngineError
from harness.records import Clip, Frame, Request

if TYPE_CHECKING:
    from torch import Tensor

Patch = tuple[Frame, Frame]
"""Frames that go through the vision tower as one: two of a video, or an image twice."""


@dataclass(frozen=True, slots=True)
class Block:
    """Tokens that lie together: an image, a video, or two frames of one."""

    start: int
    """Index of its first token."""
    patches: tuple[Patch, ...]
    steps: tuple[int, ...]
    """Position in time of each patch, from the block's own on."""
    rows: int
    """Of tokens in a frame."""
    columns: int
    video: bool
    """Whether its tokens are those of a video."""

    @property
    def size(self) -> int:
        """Number of its tokens."""
        return len(self.patches) * self.rows * self.columns


class Layout:
    """Prompts of one model."""

    def __init__(self, tokenizer: Any, config: Any, family: str) -> None:
        """`config` is the model's."""
        self.tokenizer = tokenizer
        self.name = family
        if family in families.FAMILIES:
            self.family = families.family(family)
            self.image, self.video = int(config.image_token_id), int(config.video_token_id)
            self.marks = [config.vision_start_token_id], [config.vision_end_token_id]
            self.rate = families.positions_a_second(config)

    def lay(self, request: Request) -> tuple[list[int], list[Block]]:
        """The tokens of a prompt, with placeholders repeated as often as needed, and the blocks among them."""
        text = _chat.text(self.tokenizer, request)
        seen = [part for part in request.parts if not isinstance(part, str)]
        short: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        if self.name not in families.FAMILIES:
            if seen:
                raise EngineError(f"a model of the type {self.name} sees no frames; give one that does")
            return short, []
        wanted = [self.video if isinstance(part, Clip) else self.image for part in seen]
        found = [token for token in short if token in (self.image, self.video)]
        if found != wanted:
            raise EngineError(
                f"the chat template wrote {found.count(self.image)} images and {found.count(self.video)} videos "
                f"for {wanted.count(self.image)} and {wanted.count(self.video)}"
            )
        ids: list[int] = []
        blocks: list[Block] = []
        left = iter(seen)
        for token in short:
            if token not in (self.image, self.video):
                ids.append(token)
                continue
            for before, patches, steps, after in self._spread(next(left)):
                ids += before
                blocks.append(self._block(len(ids), patches, steps, token == self.video))
                ids += [*[token] * blocks[-1].size, *after]
        return ids, blocks

    def _block(self, start: int, patches: Sequence[Patch], steps: Sequence[int], video: bool) -> Block:
        unit = self.family.factor
        for width, height in {frame.size for patch in patches for frame in patch}:
            if width % unit or height % unit:
                raise EngineError(f"{self.family.name} takes frames with sides of {unit}s, not {width}x{height} pixels")
        return Block(start, tuple(patches), tuple(steps), height // unit, width // unit, video)

    def _spread(self, part: Frame | Clip) -> Iterator[tuple[list[int], list[Patch], list[int], list[int]]]:
        """Tokens before, patches, their steps in time, and tokens after: of each block of what is shown."""
        if isinstance(part, Frame):
            yield [], [(part, part)], [0], []
            return
        patches = families.pairs(part.frames)
        if self.family.clock != "captions":
            yield [], patches, self.family.steps(part, self.rate), []
            return
        begin, end = self.marks
        for patch, caption in zip(patches, self.family.captions(part), strict=True):
            yield [*self.tokenizer.encode(caption, add_special_tokens=False), *begin], [patch], [0], end


def positions(length: int, blocks: Sequence[Block]) -> tuple[Tensor, int]:
    """(3, length): time, row and column of each token; and what the next position is ahead of `length`."""
    import torch

    found = torch.empty((3, length), dtype=torch.long)
    at = place = 0
    for block in blocks:
        found[:, at : block.start] = torch.arange(place, place + block.start - at)
        place += block.start - at
        at = block.start + block.size
        axes = torch.tensor(block.steps), torch.arange(block.rows), torch.arange(block.columns)
        found[:, block.start : at] = place + torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1)
        place += max(block.steps[-1] + 1, block.rows, block.columns)
    found[:, at:] = torch.arange(place, place + length - at)
    return found, place - at
