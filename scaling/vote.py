"""One start of `harness vote`: votes are held again from the rollouts of a run, and curves drawn of fewer rollouts.

No model is asked for what is on record. Signals that a voter needs and that are not there are asked for first and kept
beside the records (signals.py). What is written depends on the run folder and the command alone: the same bytes again.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import metrics, plugins
from harness.codec import compact, encode
from harness.contracts import Signal, Voter
from harness.errors import EngineError, UsageError
from harness.plan import full_name
from harness.records import Prediction, Score
from harness.store import read_run, write, write_bytes

from . import curves, pool, signals
from .adaptive import replay
from .asker import EngineChoice
from .columns import Columns, Point
from .controls import CONTROLS
from .first import first
from .pool import Pool
from .subsets import ALL_UP_TO, IN_A_PART, PARTS
from .weighted import Weighted

if TYPE_CHECKING:
    from rich.console import Console

ORDERS = 4
"""Orders of the rollouts in which rules of stopping early are replayed: that of the run, and random ones."""

VOTES, PAGE = "votes.json", "votes.md"

Vote = tuple[Prediction, Score]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of votes-NAME.jsonl."""

    task: str
    sample: str
    vote: Prediction
    score: Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command `harness vote`, before anything is looked up."""

    run: Path
    voters: tuple[str, ...]
    sizes: tuple[int, ...] = ()
    """Numbers of rollouts; without any, 1, 2, 4 ... and all."""
    controls: bool = False
    """Whether the controls of the voters' signals are asked for too, which `harness compare` then uses."""
    rules: tuple[str, ...] = ()
    """Rules of stopping early that are replayed."""
    seed: int = 0
    """Of random subsets, and of orders of rollouts."""
    how: Mapping[str, Any] = field(default_factory=dict)
    """Who is asked for missing signals: the fields of asker.EngineChoice."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if any(size < 1 for size in self.sizes):
            raise UsageError(f"--n cannot be {min(self.sizes)}; a vote needs at least 1 rollout")
        if not self.voters:
            raise UsageError("--voters names none; give one or more, such as first,majority")


def vote(asked: Asked, console: Console) -> int:
    """Hold the votes, write them and their curves, print the tables; the exit code."""
    run = read_run(asked.run)
    voters = find(asked.voters)
    try:
        pools = [found for found in pools_of(asked, run, voters, console) if found.samples]
    except KeyboardInterrupt:
        console.print("stopped; signals found so far are kept: the same command goes on", highlight=False)
        return 130
    if not pools:
        console.print(f"{asked.run} has no evaluated samples to vote on", highlight=False)
        return 1
    _check(asked, pools)
    lines: dict[str, list[bytes]] = {name: [] for name in voters}
    tasks = {found.task.name: _task(found, run, voters, asked, lines) for found in pools}
    document = {
        "format": 1,
        "settings": {
            "voters": list(voters),
            "seed": asked.seed,
            "subsets": {"all_up_to": ALL_UP_TO, "else": PARTS * IN_A_PART},
        },
        "tasks": tasks,
    }
    for name, found in lines.items():
        write_bytes(asked.run / f"votes-{name}.jsonl", b"".join(found))
    write(asked.run / VOTES, "votes", document)
    publish(asked.run, document, console)
    return 0


def find(names: Sequence[str]) -> dict[str, Voter]:
    """The voters by their short names; UsageError when two of them have the same."""
    found: dict[str, Voter] = {}
    for name in names:
        short = Path(name).stem if name.endswith(".py") else name
        if short in found:
            raise UsageError(f"--voters names {short!r} twice; each needs a name of its own")
        found[short] = plugins.load("harness.scaling", full_name(name))
    return found


def pools_of(asked: Asked, run: Mapping[str, Any], voters: Mapping[str, Voter], console: Console) -> list[Pool]:
    """The rollouts of each task with the signals that the voters need, asked for where they are missing."""
    needed = {signal.name: signal for voter in voters.values() if (signal := getattr(voter, "signal", None))}
    if asked.controls:
        needed |= {control.name: control for name in needed for control in CONTROLS.get(name, ())}
    pools = _read(asked.run, run)
    if any(not p.signals.keys() >= needed.keys() for each in pools for s in each.samples for p in s.predictions):
        _fill(asked, list(needed.values()), console)
        pools = _read(asked.run, run)
    return pools


def _read(folder: Path, run: Mapping[str, Any]) -> list[Pool]:
    return pool.read(folder, run, signals.read(folder))


def _fill(asked: Asked, needed: Sequence[Signal], console: Console) -> None:
    if lacking := signals.fill(asked.run, needed, EngineChoice(**asked.how), console):
        raise EngineError(
            f"{lacking} samples still lack {', '.join(s.name for s in needed)}; the same command asks for them again"
        )


def _check(asked: Asked, pools: Sequence[Pool]) -> None:
    for each in pools:
        if asked.sizes and max(asked.sizes) > each.n:
            raise UsageError(
                f"--n {max(asked.sizes)} is more than {each.task.name} has: {each.n} rollouts for every sample are in "
                f"{asked.run}; give less, or run again with more"
            )


def _task(
    found: Pool, run: Mapping[str, Any], voters: Mapping[str, Voter], asked: Asked, lines: Mapping[str, list[bytes]]
) -> dict[str, Any]:
    """What votes.json says of a task; its votes are added to the lines of each voter."""
    sizes = sorted({*asked.sizes}) or _doubling(found.n)
    table = curves.table(found, found.n)
    columns = Columns(table)
    drawn = {}
    for name, voter in voters.items():
        held = curves.votes(table, voter)
        lines[name].extend(_lines(found, held))
        votes = [vote for vote, _ in held]
        made = curves.curve(table, voter, sizes, [score for _, score in held], asked.seed)
        ends = {} if voter is first else {found.n: votes}
        drawn[name] = _points(columns.points(expected, ends.get(k)) for k, expected in made.items())
    told = run["tasks"][found.task.name]
    return {
        "title": told["title"],
        "partial": told["items"] < told["all_items"],
        "missing": told["samples"] - len(found.samples) - found.errors,
        "version": found.task.version,
        "columns": dict(found.task.columns),
        "rollouts": found.n,
        "most_rollouts": max(len(each.predictions) for each in found.samples),
        "samples": len(found.samples),
        "videos": len({each.video for each in found.samples}),
        "errors": found.errors,
        "n": sizes,
        "cost": [_cost(found, k) for k in sizes],
        "base": _points([columns.points(table.first())]),
        "voters": drawn,
        "oracle": _points(columns.points(table.oracle(k)) for k in sizes),
        "adaptive": {
            name: encode(replay(found, voter, asked.rules, ORDERS, asked.seed))
            for name, voter in voters.items()
            if asked.rules and isinstance(voter, Weighted)
        },
    }


def _doubling(n: int) -> list[int]:
    """1, 2, 4 ... and n.

    >>> _doubling(6)
    [1, 2, 4, 6]
    """
    return sorted({n, *(1 << power for power in range(n.bit_length()) if 1 << power < n)})


def _lines(found: Pool, held: Sequence[Vote]) -> Iterator[bytes]:
    for each, (vote, score) in zip(found.samples, held, strict=True):
        line = Line(task=found.task.name, sample=each.sample.id, vote=vote, score=score)
        yield compact(line).encode() + b"\n"


def _points(made: Iterable[Mapping[str, Point]]) -> dict[str, list[dict[str, float | None]]]:
    """Column -> its points, for each number of rollouts."""
    rows = list(made)
    return {name: [asdict(row[name]) for row in rows] for name in rows[0]}


def _cost(found: Pool, k: int) -> dict[str, float]:
    """What k rollouts of a sample cost in the mean: tokens, and seconds as a share of those of all its rollouts."""
    samples, n = found.samples, found.n
    tokens = metrics.mean(k * sum(s.tokens[:n]) / n for s in samples)
    seconds = metrics.mean(k * s.seconds / len(s.predictions) for s in samples)
    return {"rollouts": k, "tokens": tokens or 0.0, "seconds": seconds or 0.0}


def publish(folder: Path, document: Mapping[str, Any], console: Console) -> None:
    """Write votes.md and the pictures of the curves, and print the tables."""
    page, drawing = (importlib.import_module(f"harness.reports.{name}") for name in ("votes", "curves"))
    pictures = drawing.draw(folder, document)
    write_bytes(folder / PAGE, page.markdown(document, pictures).encode("utf-8", "replace"))
    page.show(console, document)
    console.print(f"\n{folder / PAGE}", highlight=False, markup=False, soft_wrap=True)
