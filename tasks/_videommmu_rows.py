"""Video-MMMU's annotation: a table a track, a row as a sample, and which subject is of which discipline."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from harness.errors import DataError
from harness.records import Sample

from . import _annotations, _videommmu_pictures
from ._annotations import Row

FOLDER = "videommmu"
TRACKS = ("Perception", "Comprehension", "Adaptation")
TABLE = "test-00000-of-00001.parquet"
TYPES = ("multiple-choice", "open", "None")
MCQ, OPEN, UNTYPED = "mcq", "open", "untyped"
"""The kinds of samples; "untyped" has options, but where the others have a type it has none."""

SUBJECTS: Mapping[str, Sequence[str]] = {
    "Art": ("Art", "Art_Theory", "Design", "Music"),
    "Business": ("Accounting", "Economics", "Finance", "Manage", "Marketing"),
    "Science": ("Biology", "Chemistry", "Geography", "Math", "Physics"),
    "Medicine": (
        "Basic_Medical_Science",
        "Clinical_Medicine",
        "Diagnostics_and_Laboratory_Medicine",
        "Pharmacy",
        "Public_Health",
    ),
    "Humanities": ("History", "Literature", "Psychology", "Sociology"),
    "Engineering": (
        "Agriculture",
        "Architecture_and_Engineering",
        "Computer_Science",
        "Electronics",
        "Energy_and_Power",
        "Materials",
        "Mechanical_Engineering",
    ),
}
"""Discipline, which is also the folder of its videos -> subjects, as in MMMU (arXiv 2311.16502)."""
DISCIPLINES = {subject: discipline for discipline, subjects in SUBJECTS.items() for subject in subjects}


def rows(root: Path, track: str) -> list[Row]:
    """The rows of a track: of its Parquet table on the hub, or of the JSON file of the repository."""
    name = f"{track.lower()}_video.json"
    places = [root / track / TABLE, root / name, root / "data" / name]
    path = next((place for place in places if place.is_file()), places[0])
    found = _annotations.read(path) if path.suffix == ".parquet" or not path.is_file() else _numbered(path, track)
    _annotations.unique(found, "id")
    return found


def _numbered(path: Path, track: str) -> list[Row]:
    """The rows of {track: {"0": row, "1": row, ...}}."""
    try:
        table = _annotations.document(path)[track]
        return _annotations.rows(path, json.dumps([*table.values()]))
    except (LookupError, TypeError, AttributeError) as error:
        raise DataError(f'{path}: expected {{"{track}": {{"0": a row, ...}}}}, found something else') from error


def sample(row: Row, track: str, root: Path, *, lecture: bool = True) -> Sample:
    """The sample of a row; without the lecture its video is the picture alone."""
    name = row.text("id")
    subject = "_".join(name.split("_")[1:-1])
    if subject not in DISCIPLINES:
        row.fail("id", 'the name of a known subject, as in "validation_Finance_3"', name)
    options, kind = _options(row), _kind(row)
    video = root / DISCIPLINES[subject] / f"{name}.mp4"
    return Sample(
        id=f"{track}/{name}",
        item=f"{track}/{name}",
        kind=kind,
        video=_annotations.video(row, "id", root, video if lecture else _videommmu_pictures.find(video)),
        question=row.text("question"),
        options=options,
        answer=_answer(row, kind, len(options)),
        groups={"track": track, "discipline": DISCIPLINES[subject], "subject": subject},
    )


def listed(text: str) -> list[str]:
    """The items of a list that was written as text; one whose quotes are damaged is cut at its commas.

    >>> listed("['24/7', '3.43']"), listed("['24/7', '3.429', '3.43]"), listed("12, 13")
    (['24/7', '3.43'], ['24/7', '3.429', '3.43'], ['12, 13'])
    """
    if not (text.startswith("[") and text.endswith("]")):
        return [text]
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = [part.strip(" '\"") for part in text[1:-1].split(",")]
    return [str(item) for item in found if str(item)] or [text]


def _options(row: Row) -> tuple[str, ...]:
    """The texts of the options without their letters, which one row has."""
    value: Any = row.data.get("options")
    if isinstance(value, str):
        value = listed(value) if value.startswith("[") else row.fail("options", "a list of texts", value)
    if value is None or value == []:
        return ()
    texts = Row(row.path, row.index, {**row.data, "options": value}).texts("options")
    if len(texts) > len(ascii_uppercase):
        row.fail("options", f"at most {len(ascii_uppercase)} options", texts)
    marks = [f"{letter}." for letter in ascii_uppercase]
    if all(text.startswith(mark) for text, mark in zip(texts, marks, strict=False)):
        texts = [text[2:].strip() for text in texts]
    return tuple(texts)


def _kind(row: Row) -> str:
    """What the row says; where the table has no such column, or a row nothing in it, whether there are options."""
    told, options = row.data.get("question_type"), _options(row)
    if isinstance(told, str) and told not in TYPES:
        row.fail("question_type", f"one of {', '.join(TYPES)}", told)
    if told == "open" or not (options or told == "multiple-choice"):
        return OPEN
    if not options:
        row.fail("options", "options, as the question is multiple-choice", row.data.get("options"))
    return MCQ if told == "multiple-choice" or "question_type" not in row.data else UNTYPED


def _answer(row: Row, kind: str, options: int) -> str:
    answer = row.text("answer")
    letters = ascii_uppercase[:options]
    if kind != OPEN and (len(answer) != 1 or answer not in letters):
        row.fail("answer", f"one letter of {letters}", answer)
    return answer if answer.strip() else row.fail("answer", "an answer", answer)
