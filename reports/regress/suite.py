"""What a checkpoint is held to: a TOML file of tests, each a metric of a task with a margin.

alpha = 0.05       # chance of a false alarm over all tests and looks, and of a false pass over all looks
looks = 10         # checkpoints that will be held against one baseline
unclear = "pass"   # or "fail": what an unclear verdict is for the exit code

[[test]]
task = "vstar"
metric = "mam"     # the main metric of the task when left out
margin = 2.0       # points that a checkpoint may be lower
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError, nearest

ALPHA = 0.05
MARGIN = 2.0
"""Points. About the least drop that benchmarks of 2,000 to 3,000 questions can tell from none: with answers that differ
on a tenth to a fifth of the questions, 1.7 to 2.7 points are found with a chance of 80 %."""
UNCLEAR = ("pass", "fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One thing that must not get worse."""

    task: str
    metric: str | None = None
    """None is the main metric of the task."""
    margin: float = MARGIN
    """In points, that is hundredths of the metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """All of them, and how sure a verdict must be."""

    tests: tuple[Test, ...] = ()
    """None: the main metric of every task of the baseline."""
    alpha: float = ALPHA
    looks: int = 1
    unclear: str = "pass"


def read(path: Path) -> Suite:
    """The suite of a file; UsageError when it is not as it should be."""
    where = str(path)
    told = _toml(path)
    _known(where, told, ("alpha", "looks", "unclear", "test"))
    tests = told.get("test", [])
    if not isinstance(tests, list) or not tests or not all(isinstance(each, dict) for each in tests):
        raise UsageError(f"{where} has no tests; give one or more [[test]] with a task")
    made = tuple(_test(f"{where}, test {number}", each) for number, each in enumerate(tests, 1))
    for number, each in enumerate(made, 1):
        if (each.task, each.metric) in [(other.task, other.metric) for other in made[: number - 1]]:
            raise UsageError(
                f"{where}, test {number}: {each.metric or 'the main metric'} of {each.task} is there twice"
            )
    return Suite(
        tests=made,
        alpha=_number(where, told, "alpha", ALPHA, 0, 0.5),
        looks=_whole(where, told, "looks", 1),
        unclear=_word(where, told, "unclear", "pass"),
    )


def _toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read --suite {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"--suite {path} is not TOML: {error}") from error


def _test(where: str, told: Mapping[str, Any]) -> Test:
    _known(where, told, ("task", "metric", "margin"))
    names = {key: told[key] for key in ("task", "metric") if key in told}
    if "task" not in names or not all(isinstance(name, str) and name for name in names.values()):
        raise UsageError(f'{where}: task and metric must be names; give task = "vstar"')
    return Test(**names, margin=_number(where, told, "margin", MARGIN, 0, 100))


def _known(where: str, told: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in told:
        if key not in known:
            raise UsageError(f"{where} has an unknown key {key!r}; {nearest(key, known)}there are: {', '.join(known)}")


def _number(where: str, told: Mapping[str, Any], key: str, default: float, least: float, most: float) -> float:
    value = told.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least < value < most:
        raise UsageError(f"{where}: {key} cannot be {value!r}; give a number between {least} and {most}")
    return float(value)


def _whole(where: str, told: Mapping[str, Any], key: str, default: int) -> int:
    value = told.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{where}: {key} cannot be {value!r}; give a whole number, 1 or more")
    return value


def _word(where: str, told: Mapping[str, Any], key: str, default: str) -> str:
    value = told.get(key, default)
    if value not in UNCLEAR:
        raise UsageError(f"{where}: {key} cannot be {value!r}; give {' or '.join(UNCLEAR)}")
    return str(value)
