"""Subtitle files in SubRip form (.srt)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from harness.errors import DataError
from harness.geometry import Span

_CLOCK = r"(\d{1,3}):(\d{2}):(\d{2})[,.](\d{1,3})"
_TIMES = re.compile(rf"{_CLOCK}\s{{0,9}}-->\s{{0,9}}{_CLOCK}")
_MARKUP = re.compile(r"</?(?:[biu]|font)\b[^<>]{0,99}>|\{\\[^{}]{0,99}\}")


LARGEST = 1 << 24
"""Bytes of a file: subtitles of a day have a tenth of that."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A line of subtitles and when it is on screen."""

    span: Span
    text: str


@lru_cache(maxsize=64)
def load(path: Path) -> tuple[Cue, ...]:
    """The cues of a file, in its order; none when there is no such file, DataError when it is far too large."""
    if not path.is_file():
        return ()
    if (size := path.stat().st_size) > LARGEST:
        raise DataError(f"{path} has {size / 2**20:,.0f} MiB, which no subtitles have; mend or remove it")
    return tuple(read(path.read_bytes().decode("utf-8-sig", errors="replace")))


def read(text: str) -> list[Cue]:
    r"""The cues of a file's text; a block without times is left out.

    >>> read("1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\nthere\n")
    [Cue(span=Span(start=1.0, end=2.5), text='Hello there')]
    """
    cues = []
    for block in re.split(r"\n[ \t]{0,99}\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        match = _TIMES.search(block)
        if match is not None:
            words = " ".join(_MARKUP.sub("", block[match.end() :]).split())
            start, end = (_seconds(match.groups()[i : i + 4]) for i in (0, 4))
            cues += [Cue(Span(start, end), words)] if words else []
    return cues


def _seconds(parts: Sequence[str]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000


def lines_at(cues: Sequence[Cue], times: Sequence[float]) -> list[str]:
    """The lines on screen at any of the times, which ascend; by their start, without repeating the line before.

    >>> lines_at([Cue(Span(8, 9), "Bye"), Cue(Span(0, 2), "Hi"), Cue(Span(3, 4), "unseen")], [0.0, 2.5, 5.0, 9.0])
    ['Hi', 'Bye']
    """
    lines: list[str] = []
    for cue in sorted(cues, key=lambda cue: cue.span.start):
        first = bisect_left(times, cue.span.start)
        if first < len(times) and times[first] <= cue.span.end and cue.text not in lines[-1:]:
            lines.append(cue.text)
    return lines


def told(lines: Sequence[str]) -> str:
    r"""The lines as a model is shown them, before the question; nothing when there are none.

    >>> told(["Hi", "Bye"]), told([])
    ('Subtitles of these frames:\nHi\nBye\n', '')
    """
    return "".join(f"{line}\n" for line in ("Subtitles of these frames:", *lines)) if lines else ""


def write(path: Path, cues: Sequence[Cue]) -> None:
    """Write the cues as a subtitle file."""
    blocks = [
        f"{number}\n{_clock(cue.span.start)} --> {_clock(cue.span.end)}\n{cue.text}\n"
        for number, cue in enumerate(cues, 1)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(blocks), encoding="utf-8")


def _clock(time: float) -> str:
    milliseconds = round(time * 1000)
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{milliseconds:03d}"
