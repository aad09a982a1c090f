"""The pictures of Video-MMMU's Adaptation questions: each a video that shows nothing else, <id>_image.mp4.

Where those files are not at hand, those that tasks/_videommmu_extract.py takes out of the table do as well.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness import families
from harness.errors import VideoError
from harness.records import Frame, View

if TYPE_CHECKING:
    from harness.video import VideoInfo

FOLDERS = ("question_only", "adaptation_question_only")
ADVICE = "unpack question_only_videos.zip of the data set, or run: python -m harness.tasks._videommmu_extract"


def find(video: Path) -> Path:
    """Where the picture of a question lies, from the path of its lecture; where it is looked for if it is nowhere."""
    root, name = video.parents[1], f"{video.stem}_image"
    places = [root / folder / f"{name}{suffix}" for folder in FOLDERS for suffix in (".mp4", ".png")]
    places += [video.with_name(f"{name}.mp4")]
    return next((place for place in places if place.is_file()), places[0])


def frame(lecture: str, view: View) -> Frame:
    """The picture of a question, with no more pixels than a frame of its lecture; VideoError where it is missing."""
    path = find(Path(lecture))
    root = path.parents[1]
    if not path.is_file():
        raise VideoError(f"there is no picture {path}; {ADVICE} {root}")
    if not path.resolve().is_relative_to(root.resolve()):
        raise VideoError(f"the picture {path} lies outside of {root}; copy it there")
    info = _probe(str(path))
    size = families.family(view.family).resize(info.width, info.height, view.size[0] * view.size[1])
    return Frame(video=str(path), time=float(info.times[0]), size=size)


@lru_cache(maxsize=1024)
def _probe(path: str) -> VideoInfo:
    from harness.guarded import probe

    return probe(path)
