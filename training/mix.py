"""The mix that a model is trained on, drawn by a recipe (training/mixfile.py), with a report of what became of rows.

A row is drawn by a hash of the seed, its source and its id: the same rows whatever the order of the file, and more of
them, never others, when the count grows. The file that is written is in the order of the hashes, that is shuffled.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import store
from harness.errors import DataError, UsageError
from harness.schema import whole

from . import durations, filters, rows
from .cases import Cases
from .mixfile import Mix, Part
from .rows import Row

if TYPE_CHECKING:
    from rich.table import Table

Pools = Mapping[str, Sequence[Row]]
"""File -> its rows."""


def mix(recipe: Mix, data: Path, lengths: Path | None) -> tuple[list[Row], dict[str, Any]]:
    """The rows that a recipe draws from the files in a data folder, and the report.

    `lengths` is the file of the lengths of videos (training/durations.py), which grows as videos are opened; without it
    no filter asks how long a video is. DataError when a file is damaged, or when two parts claim the same rows.
    """
    notes: Counter[str] = Counter()
    names = dict.fromkeys(name for part in recipe.parts for name in part.rows)
    claimed, left = claims(recipe.parts, {name: rows.read(data / name, notes) for name in names}, notes)
    seconds = None
    if lengths is not None:
        wanted = [part for part in recipe.parts if part.count != 0]
        timed = [r for part in wanted for r in claimed[part.name] if filters.needs_seconds(r, part.keep)]
        unknown = Cases()
        seconds = durations.measure(data, timed, lengths, unknown)
        notes.update(unknown.count)
    drawn: list[Row] = []
    parts = {}
    for part in recipe.parts:
        chosen, parts[part.name] = draw(recipe, part, claimed[part.name], seconds)
        drawn += chosen
    if not drawn:
        raise DataError(f"the recipe {recipe.name} leaves no row of {', '.join(names)}; see its sources and filters")
    report = {"recipe": recipe.name, "seed": recipe.seed, "share": recipe.share, "rows": len(drawn), "parts": parts}
    return sorted(drawn, key=lambda row: place(recipe.seed, row)), {**report, "left": left, "notes": dict(notes)}


def claims(parts: Sequence[Part], pools: Pools, notes: Counter[str]) -> tuple[dict[str, list[Row]], dict[str, int]]:
    """The rows of each part, and how many of each source no part has; DataError when two parts have the same rows.

    Of rows that say the same, in one file or in several, one is taken; the others are counted in `notes`.
    """
    claimed: dict[str, list[Row]] = {part.name: [] for part in parts}
    left: Counter[str] = Counter()
    seen: set[tuple[str, ...]] = set()
    for file, pool in pools.items():
        owners = {source: _owner(source, file, parts) for source in dict.fromkeys(row.source for row in pool)}
        for row in pool:
            owner = owners[row.source]
            if owner is None:
                left[row.source] += 1
            elif (told := identity(row)) in seen:
                notes["rows that say what another one says, left out"] += 1
            else:
                seen.add(told)
                claimed[owner].append(row)
    return claimed, dict(left)


def _owner(source: str, file: str, parts: Sequence[Part]) -> str | None:
    """The part that has the rows of a source of a file."""
    fits = [p.name for p in parts if file in p.rows and any(fnmatchcase(source, pattern) for pattern in p.sources)]
    if len(fits) > 1:
        raise DataError(f"the parts {' and '.join(fits)} both have the rows of {source} in {file}; change one")
    return fits[0] if fits else None


def draw(
    recipe: Mix, part: Part, pool: Sequence[Row], seconds: Mapping[durations.Video, float] | None
) -> tuple[list[Row], dict[str, Any]]:
    """The rows of a part, and what became of the others; without `seconds` no filter asks how long a video is."""
    asked = {name: limit for name, limit in part.keep.items() if seconds is not None or not filters.FILTERS[name].timed}
    dropped: Counter[str] = Counter()
    unasked: Counter[str] = Counter()
    fit = []
    for row in pool if part.count != 0 else ():
        applying = filters.applying(row, asked)
        unasked.update(name for name in part.keep if name not in applying)
        reason = filters.drops(row, (seconds or {}).get((row.source, row.video)), asked)
        if reason is None:
            fit.append(row)
        else:
            dropped[reason] += 1
    wanted = round((len(fit) if part.count is None else part.count) * recipe.share)
    chosen = sorted(fit, key=lambda row: place(recipe.seed, row))[:wanted]
    return chosen, {
        "wanted": wanted,
        "found": len(pool),
        "dropped": dict(dropped.most_common()),
        "unasked": dict(unasked.most_common()),
        "drawn": len(chosen),
        "short": wanted - len(chosen),
        "sources": dict(Counter(row.source for row in chosen).most_common()),
        "tasks": dict(Counter(row.task for row in chosen).most_common()),
    }


def identity(row: Row) -> tuple[str, ...]:
    """What a row is known by: source, id and what it says."""
    return row.source, str(row.id), row.question, row.answer, row.video or row.image or "", row.reasoning or ""


def place(seed: int, row: Row) -> tuple[bytes, ...]:
    """Where a row stands in the draw: by a hash of seed, source and id; rows that share these, by what they say."""
    source, name, *rest = (text.encode("utf-8", "surrogatepass") for text in identity(row))
    return hashlib.sha256(b"%d\0%b\0%b" % (seed, source, name)).digest(), *rest


def write(recipe: Mix, data: Path, out: Path, lengths: Path | None, *, timed: bool) -> dict[str, Any]:
    """Draw, and write the rows to `out` and the report beside it, as NAME.report.json; the report is returned too.

    The lengths of videos are kept in `lengths`, else beside it too; unless `timed`, no filter asks for them.
    """
    if out.exists() or out.with_suffix(".report.json").exists():
        raise UsageError(f"{out} or its report is there already; give another --out")
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent} to write {out.name} to; make it, or give another --out")
    drawn, report = mix(recipe, data, (lengths or out.with_suffix(".durations.jsonl")) if timed else None)
    rows.write(drawn, out)
    store.write(out.with_suffix(".report.json"), "mix", report)
    return report


def table(report: Mapping[str, Any]) -> Table:
    """The parts of a report, a line each."""
    from rich.table import Table
    from rich.text import Text

    made = Table("part", title=Text(f"{report['recipe']}: {report['rows']:,} rows, seed {report['seed']}"))
    for name in ("there", "dropped", "wanted", "drawn", "share"):
        made.add_column(name, justify="right")
    for name, part in report["parts"].items():
        numbers = part["found"], sum(part["dropped"].values()), part["wanted"], part["drawn"]
        made.add_row(Text(name), *(f"{number:,}" for number in numbers), f"{part['drawn'] / report['rows']:.1%}")
    return made


def remarks(report: Mapping[str, Any]) -> list[str]:
    """What a report says beside its table, in sentences."""
    told = []
    for name, part in report["parts"].items():
        if part["short"]:
            told.append(f"{name}: {part['short']:,} rows SHORT of {part['wanted']:,}")
        told += [f"{name}: {count:,} rows dropped: {reason}" for reason, count in part["dropped"].items()]
        told += [f"{name}: {each} was not asked about {count:,} rows" for each, count in part["unasked"].items()]
    told += [f"{whole(source)}: its {count:,} rows are in no part" for source, count in report["left"].items()]
    told += [f"{what}: {count:,}" for what, count in report["notes"].items()]
    if any(filters.UNKNOWN in part["dropped"] for part in report["parts"].values()):
        told.append("--no-durations leaves out the filters that ask how long a video is")
    return told
