"""Where the data of a task is published, and what it holds when it is complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A data set on the Hugging Face hub, and the numbers that were published of it."""

    repo: str
    """As in "owner/name"."""
    revision: str
    """A commit, or a branch whose commit of the day is kept to once a fetch has begun."""
    files: tuple[str, ...]
    """Patterns of the files that are needed; archives end in .zip and are unpacked in the data folder."""
    licence: str
    homepage: str
    size: int | None = None
    """Bytes of all those files, where known."""
    items: int
    """Annotation rows."""
    videos: int
    holds: Mapping[str, int] = field(default_factory=dict)
    """Pattern of further files in the data folder -> how many."""
