"""Where the media of STGR rows lie: which folder, by the `source` of a row.

The layout is that in which the data is published (github.com/marinero4972/Open-o3-Video, README and the folders that
its trainers name): a data root with `videos` in it, and there a folder for each source.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from harness.errors import DataError

from . import rows
from .rows import KeyFrame, Row


class Folders(NamedTuple):
    """Where a source keeps what its rows name, below `videos`."""

    media: str
    """The videos or the images."""
    frames: str
    """The images of key frames."""


FOLDERS = {
    "STR_plm": Folders("stgr/plm/videos", "stgr/plm/kfs"),
    "STR_": Folders("stgr/temporal_grounding/videos", "stgr/temporal_grounding/kfs"),
    "videoespresso": Folders("videoespresso/videos", "videoespresso/kfs"),
    "TVG_": Folders("tvg_r1", "tvg_r1/kfs"),
    "TreeVGR": Folders("treevgr", "treevgr/kfs"),
    "videor1_": Folders("videor1", "videor1/kfs"),
}
"""How a source begins -> its folders; the first that fits counts."""


def folders(source: str) -> Folders:
    """The folders of a source; one that is not known here, such as gqa or timerft, has a folder of its own name.

    >>> folders("STR_coin").media, folders("gqa")
    ('stgr/temporal_grounding/videos', Folders(media='gqa', frames='gqa/kfs'))
    """
    found = (each for begin, each in FOLDERS.items() if source.startswith(begin))
    return next(found, Folders(source, f"{source}/kfs"))


def media(root: Path, row: Row) -> Path:
    """The video or image of a row, which need not exist; DataError when its path would leave the root.

    `root` is the folder that holds `videos`, or that folder itself.
    """
    name = row.image if row.task == rows.VISUAL else row.video
    if name is None:
        raise DataError(f"row {row.id} names neither a video nor an image")
    return _inside(root, folders(row.source).media, name, row)


def key_frame(root: Path, row: Row, frame: KeyFrame) -> Path | None:
    """The image of a key frame, which need not exist; None where the row names none; DataError as for `media`."""
    return None if frame.path is None else _inside(root, folders(row.source).frames, frame.path, row)


def base(root: Path) -> Path:
    """The folder of the videos: `videos` in the root, where there is one, else the root."""
    return root / "videos" if (root / "videos").is_dir() else root


def _inside(root: Path, folder: str, name: str, row: Row) -> Path:
    relative = Path(folder, name)
    path = base(root) / relative
    safe = not relative.is_absolute() and ".." not in relative.parts and "\0" not in str(relative)
    if not name or not safe or not _leads_into(root, path):
        raise DataError(f"row {row.id} of {row.source} names {name!r}, which is not a path inside {root}")
    return path


def _leads_into(root: Path, path: Path) -> bool:
    """Whether a path is inside the root once links are followed; one whose links go round is not."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return False
