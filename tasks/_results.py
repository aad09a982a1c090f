"""Result files made elsewhere: reading them with care, and what stands in for a run that was not ours."""

from __future__ import annotations

import re
from pathlib import Path

from harness.errors import DataError
from harness.records import View

from . import _annotations
from ._annotations import Row

_TEXT_OR_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])')


def read(path: Path) -> tuple[list[Row], tuple[str, ...]]:
    """The rows of a result file, and a note when commas had to be left out before they could be read.

    The published sample of Video-MME has a comma behind the last entry of its lists, which JSON does not allow.
    """
    if path.suffix not in (".json", ".jsonl") and path.is_file():
        raise DataError(f"{path}: expected a result file in JSON; give one that ends in .json or .jsonl")
    try:
        return _annotations.read(path), ()
    except DataError as error:
        if not path.is_file() or path.suffix == ".jsonl" or "expected JSON" not in str(error):
            raise
        try:
            text = path.read_text(encoding="utf-8-sig")
        except ValueError:
            raise error from None
        mended, count = _TEXT_OR_COMMA.subn(lambda match: match[1] or "", text)
        rows = _annotations.rows(path, mended)
        left_out = len(text) - len(mended)
        return rows, (f"{path} is not JSON: {left_out} commas behind a last entry were left out",) if count else ()


def seen(video: str) -> View:
    """A stand-in for what the model was shown, which is not known: coordinates are those of the source video."""
    return View(video=video, times=(), duration=0.0, width=1, height=1, size=(1, 1), family="qwen2_5_vl")
