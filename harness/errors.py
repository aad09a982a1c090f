"""Every error that the harness raises on purpose.

    HarnessError
    ├── UsageError      the command was asked wrongly (exit 2)
    ├── DataError       an annotation, run folder or model folder is not what it should be (exit 2)
    ├── VideoError      a video is missing or cannot be decoded (recorded with its sample)
    ├── EngineError     a request could not be answered (recorded with its sample)
    └── NotProbed       a probe does not apply to a question (counted by reason)

A message is one sentence: what is wrong, where, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HarnessError(Exception):
    """The root of the tree; shown without a traceback."""


class UsageError(HarnessError):
    """The command was asked wrongly."""


class DataError(HarnessError):
    """Something on disk is not what it should be."""


class VideoError(HarnessError):
    """A video is missing or cannot be decoded."""


class EngineError(HarnessError):
    """A request could not be answered."""


class NotProbed(HarnessError):
    """A probe does not apply to a question."""


def missing_extra(package: str, extra: str) -> UsageError:
    """The error for an optional package that is not installed."""
    return UsageError(f"{package} is not installed; run: pip install 'grounded-harness[{extra}]'")


def nearest(name: object, known: Iterable[object]) -> str:
    """A question about a name that is not known, with a space behind it; nothing where none is near.

    >>> nearest("vstarr", ["vstar", "videomme"]), nearest("x", ["vstar"])
    ("did you mean 'vstar'? ", '')
    """
    close = difflib.get_close_matches(str(name), [str(each) for each in known], 1)
    return f"did you mean {close[0]!r}? " if close else ""
