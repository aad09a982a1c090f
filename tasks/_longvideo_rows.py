"""LongVideo-Reason's annotation: a row as a sample, its options taken out of the text of its problem.

In five rows of the published file (problems 147, 379, 743, 825 and 857) the options are damaged: other text stands in
their place, or there are none. They are kept, asked as they are written, and make a group of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from harness.records import Sample

from . import _annotations
from ._annotations import Row

LETTERS = ("A", "B", "C", "D")
SUFFIXES = (".mp4", ".webm", ".mkv")
_OPTION = re.compile(r"^[ \t]*([A-Z])\.(?=\s)", re.MULTILINE)
_GOLD = re.compile(r"\s*<answer>\s*([A-D])\s*</answer>\s*")


def sample(row: Row, root: Path, videos: Mapping[str, Path]) -> Sample:
    """The sample of a row; `videos` are those found by their names, as archives hold them under other folders."""
    problem, gold = row.text("problem"), row.text("answer")
    letter = _GOLD.fullmatch(gold)
    if letter is None:
        row.fail("answer", "a letter A-D in an answer tag", gold)
    named = row.text("videos")
    path = _annotations.video(row, "videos", root, videos.get(PurePosixPath(named).stem, root / named))
    question, options = split(problem)
    number = row.number("problem_id")
    if number != int(number):
        row.fail("problem_id", "a whole number", number)
    name = str(int(number))
    return Sample(
        id=name,
        item=name,
        kind="mcq",
        video=path,
        question=question,
        options=options,
        answer=letter[1],
        groups={"problem_type": row.text("problem_type"), "options": "intact" if options else "damaged"},
    )


def split(problem: str) -> tuple[str, tuple[str, ...]]:
    r"""The question and its four options; all of the text and no options where these are damaged.

    >>> split("What?\nA. a\nB. b\nC. c\nD. d")
    ('What?', ('a', 'b', 'c', 'd'))
    >>> split("What?\nA. But that would be too easy.\n\nB. b")
    ('What?\nA. But that would be too easy.\n\nB. b', ())
    """
    starts = [*_OPTION.finditer(problem)][-len(LETTERS) :]
    if not starts:
        return problem.strip(), ()
    ends = [start.start() for start in starts[1:]] + [len(problem)]
    options = tuple(problem[start.end() : end].strip() for start, end in zip(starts, ends, strict=True))
    question = problem[: starts[0].start()].strip()
    others = {match[1] for match in _OPTION.finditer(problem)} - set(LETTERS)
    if not question or tuple(start[1] for start in starts) != LETTERS or others or not all(options):
        return problem.strip(), ()
    return question, options
