"""The tables of a report as they are asked for: what stands beside the figures, in which formats, in which files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import plugins
from harness.contracts import PARTIAL, Finished, Sheet
from harness.errors import UsageError
from harness.store import write_bytes

from . import baseline, published, table3
from .printed import SIGNS
from .sheets import FORMATS
from .table import lacking

SUFFIXES = {suffix: name for name, (suffix, _) in FORMATS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for."""

    report: str
    baseline: str | None = None
    """The name of a row to which differences are given."""
    intervals: bool = False
    published: bool = False
    """Whether figures of others are put beside our own."""


def edit(runs: Sequence[Finished], asked: Asked) -> list[Sheet]:
    """The tables; UsageError for a report or a baseline that there is not."""
    report = plugins.load("harness.reports", asked.report)
    sure = getattr(report, "sure", None) if asked.intervals else None
    sheets = list(sure(runs, asked.baseline) if sure else report(runs))
    if asked.intervals and not sure:
        told = "no intervals beside the figures: this report does not say what they are made of"
        sheets[0] = replace(sheets[0], notes=(*sheets[0].notes, told))
    if asked.baseline and not sure:
        sheets = baseline.against(sheets, asked.baseline)
    sheets = _partial(sheets, runs)
    return published.beside(sheets, asked.report.replace("_", "-")) if asked.published else sheets


def _partial(sheets: Sequence[Sheet], runs: Sequence[Finished]) -> list[Sheet]:
    """The rows of runs of which something is missing, marked; the first table says what."""
    lacks = [(run, told) for run in runs if (told := "; ".join(_lacks(run)))]
    if not lacks:
        return list(sheets)
    names = {name for run, _ in lacks for name in (run.folder.name, table3.name(run))}
    called = names | {table3.SEED.sub("", name) for name in names}
    found = [
        replace(sheet, marks={**{n: PARTIAL for n, row in enumerate(sheet.rows) if row[0] in called}, **sheet.marks})
        for sheet in sheets
    ]
    notes = [f"{SIGNS[PARTIAL]} {run.folder.name}: {told}" for run, told in lacks]
    return [replace(found[0], notes=(*found[0].notes, *notes)), *found[1:]]


def _lacks(run: Finished) -> Iterator[str]:
    for name, told in run.run.get("tasks", {}).items():
        if said := lacking(told, run.scores["tasks"][name]):
            yield f"{told['title']} {', '.join(said)}"


def formats(text: str | None, out: Path | None) -> list[str]:
    """The names in --format; without it, what the suffix of --out says, or Markdown.

    >>> formats("latex, csv", None), formats(None, Path("table2.tex")), formats(None, Path("table"))
    (['latex', 'csv'], ['latex'], ['md'])
    """
    if text is None:
        return [SUFFIXES.get(out.suffix if out else "", "md")]
    names = [*dict.fromkeys(name.strip() for name in text.split(",") if name.strip())]
    if not names or not FORMATS.keys() >= set(names):
        raise UsageError(f"--format cannot be {text!r}; give some of {', '.join(FORMATS)}, with commas between them")
    return names


def files(sheets: Sequence[Sheet], names: Sequence[str], out: Path, report: str) -> dict[Path, str]:
    """File -> its content. One format is written to `out`, several beside each other under its name.

    In a folder that is there, files are called after the report. CSV has a file for each table: NAME.csv, NAME-2.csv.
    """
    stem = out / re.sub(r"[^\w-]+", "-", Path(report).stem) if out.is_dir() else out
    found = {}
    for name in names:
        suffix, write = FORMATS[name]
        base = stem if stem.suffix in SUFFIXES else stem.with_name(f"{stem.name}{suffix}")
        path = out if len(names) == 1 and not out.is_dir() else base.with_suffix(suffix)
        for number, text in enumerate(write(sheets), 1):
            found[path if number == 1 else path.with_stem(f"{path.stem}-{number}")] = text
    return found


def save(found: Mapping[Path, str]) -> None:
    """Write the files, each as a whole."""
    for path, text in found.items():
        write_bytes(path, text.encode("utf-8", "replace"))
