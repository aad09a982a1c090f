"""Clips to pixels and to H.264 files."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.shapes.clip import COLOURS, Clip, Thing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

FINE = 3
"""Samples a pixel and axis, for smooth edges."""
CELLS = 16
"""Patches of the ground, on each side of twice the picture."""


def frame(clip: Clip, time: float, size: tuple[int, int] | None = None) -> Image:
    """The frame at a time as (height, width, 3) uint8 RGB, drawn straight at `size` = (width, height) when given."""
    width, height = size or (clip.width, clip.height)
    image = _background(clip.seed, width, height).copy()
    if clip.camera is not None:
        image += _ground(clip, time, width, height)
    for thing in clip.things:
        if thing.visible(time):
            _draw(image, clip, thing, time)
    rng = np.random.default_rng([clip.seed, round(time * 1000)])
    image += rng.standard_normal((height, width, 1), dtype=np.float32) * 4
    return np.clip(image, 0, 255).astype(np.uint8)


def write(clip: Clip, path: Path, quality: int = 18) -> None:
    """Encode the clip as H.264 in mp4; `quality` is x264's crf, smaller is better. The file appears when complete."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(clip.rate).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
        stream.options = {"crf": str(quality), "preset": "veryfast"}
        stream.codec_context.thread_count = 1
        for index in range(clip.frame_count):
            picture = av.VideoFrame.from_ndarray(frame(clip, index / clip.rate), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    part.replace(path)


@lru_cache(maxsize=64)
def _background(seed: int, width: int, height: int) -> NDArray[np.float32]:
    """A dim gradient with blotches."""
    rng = np.random.default_rng([seed, 7])
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :, None]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    base = rng.uniform(30, 90, 3).astype(np.float32)
    slope_x = rng.uniform(-25, 25, 3).astype(np.float32)
    slope_y = rng.uniform(-25, 25, 3).astype(np.float32)
    coarse = rng.normal(0, 6, (6, 6, 1)).astype(np.float32)
    rows = np.minimum((np.arange(height) * 6) // height, 5)
    columns = np.minimum((np.arange(width) * 6) // width, 5)
    image: NDArray[np.float32] = base + slope_x * x + slope_y * y + coarse[rows][:, columns]
    return image


def _ground(clip: Clip, time: float, width: int, height: int) -> NDArray[np.float32]:
    """Patches that move with the scene, so that a moving camera shows."""
    cells = np.random.default_rng([clip.seed, 8]).normal(0, 16, (CELLS, CELLS, 1)).astype(np.float32)
    scale, right, down = clip.lens(time)
    x = ((np.arange(width) + 0.5) / width - 0.5 - right / clip.width) / scale
    y = ((np.arange(height) + 0.5) / height - 0.5 - down / clip.height) / scale
    columns, rows = (((at + 1) / 2 * CELLS).astype(int) % CELLS for at in (x, y))
    ground: NDArray[np.float32] = cells[rows][:, columns]
    return ground


def _draw(image: NDArray[np.float32], clip: Clip, thing: Thing, time: float) -> None:
    height, width = image.shape[:2]
    box = clip.box(thing, time).scale(width / clip.width, height / clip.height)
    x1, y1 = max(0, int(box.x1)), max(0, int(box.y1))
    x2, y2 = min(width, int(box.x2) + 1), min(height, int(box.y2) + 1)
    if x2 <= x1 or y2 <= y1:
        return
    u = _axis(x1, x2, box.x1, box.x2)[None, :]
    v = _axis(y1, y2, box.y1, box.y2)[:, None]
    fine = _inside(thing.shape, u, v)
    cover = fine.reshape(y2 - y1, FINE, x2 - x1, FINE).mean(axis=(1, 3), dtype=np.float32)[:, :, None]
    patch = image[y1:y2, x1:x2]
    patch += cover * (np.array(COLOURS[thing.colour], np.float32) - patch)


def _axis(first: int, last: int, low: float, high: float) -> NDArray[np.float32]:
    """Sample positions of the pixels first..last, as -1..1 over low..high."""
    at = first + (np.arange((last - first) * FINE, dtype=np.float32) + 0.5) / FINE
    return ((at - (low + high) / 2) / ((high - low) / 2)).astype(np.float32)


def _inside(shape: str, u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which samples a shape covers; it fills -1..1 in both directions."""
    within = (abs(u) <= 1) & (abs(v) <= 1)
    if shape == "circle":
        return u * u + v * v <= 1
    if shape == "ring":
        radius = u * u + v * v
        return (radius <= 1) & (radius >= 0.3)
    if shape == "triangle":
        return within & (abs(u) <= (v + 1) / 2)
    if shape == "cross":
        return within & ((abs(u) <= 0.34) | (abs(v) <= 0.34))
    return within
