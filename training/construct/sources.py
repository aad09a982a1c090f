"""The source list: videos with a segment and what happens in it, or with dense captions; one JSON object a line.

    {"id": "a1", "video": "a.mp4", "segment": [3.0, 9.5], "description": "the man opens the door"}
    {"id": "b1", "video": "b.mp4", "captions": [{"start": 0, "end": 40, "text": "a dog walks to the left"}]}

Segments are in seconds, as data sets of temporal grounding have them; captions count frames from 0, as PLM-RDCap does
(arXiv 2510.20579, A.3). `id` is else the name of the video and the number of the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from harness import schema
from harness.errors import DataError
from harness.geometry import Span

GROUNDING, CAPTIONS = "grounding", "captions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What is to be seen on some frames."""

    start: int
    """Index of the first frame."""
    end: int
    """Index of the last one."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A video about which a sample is to be made."""

    id: str
    video: str
    """Relative to the folder of videos."""
    source: str
    segment: Span | None = None
    """Seconds."""
    description: str = ""
    captions: tuple[Caption, ...] = ()

    @property
    def kind(self) -> str:
        """How it is asked about: by its segment, in seconds, or by captions, in frames."""
        return GROUNDING if self.segment else CAPTIONS


def read(path: Path, videos: Path, source: str) -> list[Item]:
    """The items of a file, in its order; DataError names the line that is not one.

    `videos` is the folder outside of which no video may lie, `source` that of lines without one.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the source list {path}: {error}") from error
    if not videos.is_dir():
        raise DataError(f"there is no folder of videos {videos}; set videos in the recipe")
    found: dict[str, Item] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"{path}, line {number}"
            item = _item(schema.loads(line.encode(), where), where, number, source)
            if item.id in found:
                raise DataError(f"{where} has the id {item.id!r} of another line; give it one of its own")
            if not (videos / item.video).resolve().is_relative_to(videos.resolve()):
                raise DataError(f"{where}: the video {item.video!r} is outside of {videos}")
            found[item.id] = item
    if not found:
        raise DataError(f"the source list {path} is empty")
    return [*found.values()]


def _item(data: Any, where: str, number: int, source: str) -> Item:
    schema.validate("build_source", data, where)
    if "captions" in data and "segment" in data:
        raise DataError(f"{where} has a segment and captions; give one of them")
    captions = tuple(Caption(**each) for each in data.get("captions", ()))
    segment = Span(*data["segment"]) if "segment" in data else None
    if segment and not segment.start < segment.end:
        raise DataError(f"{where}: the segment {data['segment']} does not end after its start")
    if any(caption.start > caption.end for caption in captions):
        raise DataError(f"{where}: a caption ends before its start")
    return Item(
        id=data.get("id") or f"{PurePosixPath(data['video']).stem}_{number}",
        video=data["video"],
        source=data.get("source") or source,
        segment=segment,
        description=data.get("description", ""),
        captions=captions,
    )
