"""WorldSense's annotation: a question of a video as a sample.

worldsense_qa.json is published: {video: {"duration", "domain", ..., "task0": {"question", ...}, "task1": ...}}.
WorldSense.tsv is what VLMEvalKit makes of it: a row a question, its lists written as Python writes them.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase

from harness.errors import DataError
from harness.records import Sample

from . import _annotations
from ._annotations import Row

JSON, TSV = "worldsense_qa.json", "WorldSense.tsv"
AXES = ("duration", "domain", "sub_category", "task_domain", "task_type")
AUDIO = ("Speech", "Event", "Music")
"""What may be heard in a video: any of these, so that each is an axis of its own."""

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_LIST = re.compile(rf"\s*\[\s*(?:(?:{_QUOTED})(?:\s*,\s*(?:{_QUOTED}))*)?\s*\]\s*", re.DOTALL)


def samples(root: Path) -> list[Sample]:
    """All questions, video by video in the order of the file; the published file where both are there."""
    published = root / JSON
    rows = _of_table(root / TSV) if not published.is_file() and (root / TSV).is_file() else _of_videos(published)
    videos = _annotations.index_videos(root)
    asked: Counter[str] = Counter()
    found = []
    for row in rows:
        video = row.text("video")
        found.append(_sample(row, f"{video}/{asked[video]}", root, videos))
        asked[video] += 1
    return found


def texts(row: Row, column: str) -> list[str]:
    """A list of texts, or such a list as Python writes it: it is read as literals, and nothing in it is run."""
    written = row.data.get(column)
    if isinstance(written, str):
        if not _LIST.fullmatch(written):
            row.fail(column, "a list of texts", written)
        try:
            written = ast.literal_eval(written.strip())
        except (ValueError, SyntaxError) as error:
            raise DataError(f"{row.path}, row {row.index}: column {column!r} cannot be read: {error}") from error
    return replace(row, data={**row.data, column: written}).texts(column) if written != [] else []


def _of_table(path: Path) -> Sequence[Row]:
    return _annotations.read(path)


def _of_videos(path: Path) -> Sequence[Row]:
    """A row a question, with the columns of its video."""
    videos = _annotations.document(path)
    if not isinstance(videos, dict) or not videos:
        raise DataError(f"{path}: expected an object of videos, found {type(videos).__name__}")
    rows: list[Row] = []
    for video, told in videos.items():
        tasks = [name for name in told if name.startswith("task")] if isinstance(told, dict) else []
        if not tasks or not all(isinstance(told[name], dict) for name in tasks):
            raise DataError(f"{path}: expected an object with task0, task1 ... for the video {video!r}")
        common = {name: value for name, value in told.items() if name not in tasks}
        rows += [Row(path, len(rows) + k, {**common, "video": video, **told[name]}) for k, name in enumerate(tasks)]
    return rows


def _sample(row: Row, name: str, root: Path, videos: Mapping[str, Path]) -> Sample:
    video = row.text("video")
    options = _options(row)
    letters, answer = ascii_uppercase[: len(options)], row.text("answer").strip()
    if len(answer) != 1 or answer not in letters:
        row.fail("answer", f"one letter of {letters}", answer)
    heard = texts(row, "audio_class")
    for kind in heard:
        if kind not in AUDIO:
            row.fail("audio_class", f"some of {', '.join(AUDIO)}", kind)
    return Sample(
        id=name,
        item=name,
        kind="mcq",
        video=_annotations.video(row, "video", root, videos.get(video, root / "videos" / f"{video}.mp4")),
        question=row.text("question"),
        options=options,
        answer=answer,
        groups={
            **{axis: row.text(axis) for axis in AXES},
            **{f"audio_{kind.lower()}": "yes" if kind in heard else "no" for kind in AUDIO},
        },
    )


def _options(row: Row) -> tuple[str, ...]:
    """The options without their letters, which must be in order."""
    options = texts(row, "candidates")
    if not 2 <= len(options) <= len(ascii_uppercase):
        row.fail("candidates", "two options or more", options)
    for letter, option in zip(ascii_uppercase, options, strict=False):
        if not re.match(rf"\s*\(?{letter}[.:)]", option):
            row.fail("candidates", f'"{letter}. ..." in its place', option)
    return tuple(re.sub(r"^\s*\(?[A-Z][.:)]", "", option).strip() for option in options)
