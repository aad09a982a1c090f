"""A clip: coloured shapes that appear, move, pass before each other and leave. Deterministic by its seed.

Times are whole seconds: a thing that is there from 3 to 7 is on every frame with 3 <= t <= 7.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from harness.geometry import Box, Span

COLOURS = {
    "red": (214, 40, 40),
    "green": (38, 168, 70),
    "blue": (42, 92, 226),
    "yellow": (240, 214, 44),
    "purple": (158, 50, 200),
    "white": (244, 244, 244),
}
SHAPES = ("circle", "square", "triangle", "cross", "ring", "bar")
SIZES = ((128, 128), (160, 120), (192, 108), (168, 168), (256, 144), (240, 180))
RATES = (8.0, 10.0, 12.5, 25.0, 30000 / 1001)
LENGTHS = {"short": (5, 9), "medium": (64, 100), "long": (184, 230)}
"""Length class of V-STaR -> whole seconds, least and most."""
CAMERAS = ("still", "pan left", "pan right", "tilt up", "tilt down", "zoom in", "zoom out")
"""What the camera does, all of the clip."""
SWEEP, ZOOM = 0.4, 1.8
"""How far a camera moves in a clip: as a share of the picture, and as a factor."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One shape in a clip; lengths in source pixels, speeds in pixels a second."""

    colour: str
    shape: str
    width: float
    height: float
    x: float
    """Centre at time 0, before reflection at the borders."""
    y: float
    speed_x: float
    speed_y: float
    span: Span

    @property
    def name(self) -> str:
        """What it is called: "red circle"."""
        return f"{self.colour} {self.shape}"

    def visible(self, time: float) -> bool:
        """Whether it is there at that time."""
        return self.span.start - 1e-6 <= time <= self.span.end + 1e-6


@dataclass(frozen=True, slots=True)
class Clip:
    """A synthetic video: later things are drawn over earlier ones."""

    seed: int
    width: int
    height: int
    rate: float
    """Frames per second."""
    duration: int
    """Whole seconds."""
    things: tuple[Thing, ...]
    camera: str | None = None
    """One of CAMERAS, where the scene has a ground on which that shows."""

    @property
    def frame_count(self) -> int:
        """Number of frames; the last one is at or just after `duration` - 1 / rate."""
        return round(self.duration * self.rate)

    def box(self, thing: Thing, time: float) -> Box:
        """Where a thing is at that time, whether another one hides it or not."""
        x = _bounce(thing.x + thing.speed_x * time, thing.width / 2, self.width - thing.width / 2)
        y = _bounce(thing.y + thing.speed_y * time, thing.height / 2, self.height - thing.height / 2)
        box = Box(x - thing.width / 2, y - thing.height / 2, x + thing.width / 2, y + thing.height / 2)
        if self.camera in (None, "still"):
            return box
        scale, right, down = self.lens(time)
        corners = [(x - self.width / 2) * scale + self.width / 2 + right for x in (box.x1, box.x2)]
        sides = [(y - self.height / 2) * scale + self.height / 2 + down for y in (box.y1, box.y2)]
        return Box(corners[0], sides[0], corners[1], sides[1])

    def lens(self, time: float) -> tuple[float, float, float]:
        """How the camera shows the scene at that time: magnified about the middle, then moved right and down."""
        what, _, way = (self.camera or "").partition(" ")
        done = time / self.duration
        if what == "zoom":
            return ZOOM ** (done if way == "in" else 1 - done), 0.0, 0.0
        sign = 1 if way in ("left", "up") else -1
        moved = sign * SWEEP * (done - 0.5)
        return 1.0, moved * self.width * (what == "pan"), moved * self.height * (what == "tilt")

    def boxes(self, thing: Thing) -> dict[float, Box]:
        """Its box at every whole second at which it is there."""
        seconds = range(int(thing.span.start), int(thing.span.end) + 1)
        return {float(second): self.box(thing, second) for second in seconds}


def excerpt(clip: Clip, start: int, end: int) -> Clip:
    """What is to be seen of a clip from one second to another, both included, with its times counted from there."""
    things = tuple(
        replace(
            thing,
            x=thing.x + thing.speed_x * start,
            y=thing.y + thing.speed_y * start,
            span=Span(max(thing.span.start, start) - start, min(thing.span.end, end) - start),
        )
        for thing in clip.things
        if min(thing.span.end, end) > max(thing.span.start, start)
    )
    return replace(clip, duration=end - start + 1, things=things)


def film(seed: int, camera: str) -> Clip:
    """A clip of that seed on which nothing moves but the camera, with all of its things there from start to end."""
    clip = make(seed, things=random.Random(f"film:{seed}").choice((2, 3)))
    whole = Span(0.0, float(clip.duration))
    things = tuple(replace(thing, speed_x=0.0, speed_y=0.0, span=whole) for thing in clip.things)
    return replace(clip, things=things, camera=camera)


def make(seed: int, length: str = "short", things: int | None = None, *, alike: bool = False) -> Clip:
    """The clip of that seed, with 1 to 4 things unless their number is given.

    Things that are `alike` all share the colour or the shape of the first, and are easily taken for each other.
    """
    rng = random.Random(f"shapes:{length}:{seed}")
    width, height = rng.choice(SIZES)
    rate = rng.choice(RATES) if length == "short" else rng.choice((4.0, 5.0))
    duration = rng.randint(*LENGTHS[length])
    count = things or rng.choice((1, 2, 2, 3, 3, 4))
    names = rng.sample([(c, s) for c in COLOURS for s in SHAPES], count)
    if alike:
        colour, shape = names[0]
        names[1:] = rng.sample([(c, s) for c in COLOURS for s in SHAPES if (c == colour) != (s == shape)], count - 1)
    clips = [Clip(seed, width, height, rate, duration, ()) for _ in range(6)]
    clips = [_fill(clip, names, rng) for clip in clips]
    return min(clips, key=_crowding)


def _fill(clip: Clip, names: list[tuple[str, str]], rng: random.Random) -> Clip:
    things = tuple(_thing(clip, colour, shape, rng) for colour, shape in names)
    return Clip(clip.seed, clip.width, clip.height, clip.rate, clip.duration, things)


def _thing(clip: Clip, colour: str, shape: str, rng: random.Random) -> Thing:
    side = min(clip.width, clip.height)
    width = rng.uniform(0.22, 0.42) * side
    height = width * (0.45 if shape == "bar" else 1.0)
    last = clip.duration - 1
    stays = (2, 3, 4, 5) if clip.duration <= LENGTHS["short"][1] else (12, 15, 18, 21, 24)
    length = min(last, rng.choice(stays))
    start = rng.randint(0, last - length)
    still = rng.random() < 0.15
    speed = 0 if still else side * 0.09 * min(1.0, 12 / clip.duration)
    return Thing(
        colour=colour,
        shape=shape,
        width=width,
        height=height,
        x=rng.uniform(width / 2, clip.width - width / 2),
        y=rng.uniform(height / 2, clip.height - height / 2),
        speed_x=rng.uniform(-speed, speed),
        speed_y=rng.uniform(-speed, speed),
        span=Span(float(start), float(start + length)),
    )


def _crowding(clip: Clip) -> float:
    """The largest overlap of two things at a whole second: clips are drawn to keep it small."""
    worst = 0.0
    for index, one in enumerate(clip.things):
        for other in clip.things[index + 1 :]:
            first, last = max(one.span.start, other.span.start), min(one.span.end, other.span.end)
            for second in range(int(first), int(last) + 1):
                worst = max(worst, clip.box(one, second).iou(clip.box(other, second)))
    return worst


def _bounce(value: float, low: float, high: float) -> float:
    """A coordinate reflected at both ends."""
    room = high - low
    if room <= 0:
        return (low + high) / 2
    offset = (value - low) % (2 * room)
    return low + min(offset, 2 * room - offset)
