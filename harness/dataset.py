"""Where the data of a task is published, and what it holds when it is complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from harness.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Files of a data set on the Hugging Face hub, under their names there."""

    repo: str
    """As in "owner/name"."""
    revision: str
    """A commit, or a branch whose commit of the day is kept to once a fetch has begun."""
    files: tuple[str, ...]
    """Patterns of the files that are needed; archives (.zip, .tar.gz) are unpacked in the data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """One file at a plain address: https, so that nobody on the way can change it."""

    url: str
    name: str
    """Where it goes in the data folder; an archive is unpacked there."""
    sha256: str | None = None
    """None where none is published: then the length alone is compared."""

    def __post_init__(self) -> None:
        """UsageError for an address that is not fit."""
        if not is_safe(self.url):
            raise UsageError(f"{self.url} is not fetched: a file must be at an https address; correct the data set")


Source = Hub | Web


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A published data set, and the numbers that were published of it."""

    repo: str = ""
    """As in "owner/name" on the Hugging Face hub; "" where all of it is elsewhere."""
    revision: str = "main"
    """As of a Hub."""
    files: tuple[str, ...] = ()
    """As of a Hub."""
    more: tuple[Source, ...] = ()
    """Where the rest of it is, when one repository does not hold all."""
    licence: str
    homepage: str
    size: int | None = None
    """Bytes of all those files, where known."""
    items: int
    """Annotation rows."""
    videos: int | None = None
    """None where no number is published."""
    holds: Mapping[str, int] = field(default_factory=dict)
    """Pattern of further files in the data folder -> how many."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """All places that it is fetched from."""
        own = (Hub(repo=self.repo, revision=self.revision, files=self.files),) if self.repo else ()
        return (*own, *self.more)


def is_safe(url: str) -> bool:
    """Whether an address is of https; plain http is for this machine alone.

    >>> is_safe("https://example.org/a.json"), is_safe("http://example.org/a.json"), is_safe("http://127.0.0.1:8000/a")
    (True, False, True)
    """
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost"))
