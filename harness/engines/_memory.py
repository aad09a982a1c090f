"""Keys and values of rows of different lengths that decode together.

A row lies left-aligned in one block of memory per layer; a finished row's place is taken by the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class Memory:
    """Keys and values of the rows; stands in for the cache of transformers while decoding."""

    def __init__(self) -> None:
        """Empty; the first row fixes the shapes."""
        self.layers: list[list[Tensor]] = []
        self.at: Any = None
        """Where each row's next key goes."""
        self.span = 0
        """Positions in use by the longest row."""

    def take(self, row: int, source: int, length: int, room: int, cache: Any) -> None:
        """Copy one prompt's keys and values from a prefill into place `row`, with `room` positions in all."""
        if not self.layers:
            self.layers = [[part.new_zeros((0, *part.shape[1:])) for part in (x.keys, x.values)] for x in cache.layers]
        for layer, found in zip(self.layers, cache.layers, strict=True):
            for i, part in enumerate((found.keys, found.values)):
                layer[i] = _grown(layer[i], row + 1, room)
                layer[i][row, :, :length] = part[source, :, :length]

    def move(self, source: int, target: int) -> None:
        """Put one row in the place of another."""
        for layer in self.layers:
            for part in layer:
                part[target, :, : self.span] = part[source, :, : self.span].clone()

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Add one key and value to each row; what attention looks at."""
        import torch

        count = len(self.at)
        rows = torch.arange(count, device=self.at.device)
        for held, new in zip(self.layers[layer], (keys, values), strict=True):
            held[rows, :, self.at] = new[:, :, 0]
        held_keys, held_values = self.layers[layer]
        return held_keys[:count, :, : self.span], held_values[:count, :, : self.span]

    def get_seq_length(self, *_: Any) -> int:
        """Positions in use."""
        return self.span


def _grown(part: Tensor, rows: int, room: int) -> Tensor:
    """The same block with at least that many rows and positions."""
    have, _, held, _ = part.shape
    if rows <= have and room <= held:
        return part
    rows = have if rows <= have else max(rows, 2 * have)
    room = held if room <= held else -(-room // 128) * 128
    grown = part.new_zeros((rows, part.shape[1], room, part.shape[3]))
    grown[:have, :, :held] = part
    return grown
