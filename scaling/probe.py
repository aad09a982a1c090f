"""One start of `harness probe`: questions of a run are asked again with what they are shown changed.

All else is as in the run: rollouts, seeds, decoding, voter, prompts. What is asked depends on the run folder, the seed
and the numbers of the command alone; what was answered is kept, and the same command goes on (again.py).
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import plugins
from harness.codec import compact
from harness.errors import NotProbed, UsageError
from harness.grader import put
from harness.plan import full_name
from harness.probing import Grounded, Probe
from harness.progress import Progress
from harness.records import View
from harness.run import Job, Loop
from harness.session import find_rule
from harness.settings import Decoding
from harness.store import Store, differences, key, read_run, write, write_bytes

from . import asker, faithfulness, grounded
from .again import Asking, Books, Turn
from .asker import EngineChoice
from .grounded import Base

if TYPE_CHECKING:
    from rich.console import Console

FIGURES, PAGE = "probe.json", "probe.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command `harness probe`, before anything is looked up."""

    run: Path
    probes: tuple[str, ...]
    """Names, or Python files."""
    near: int = 2
    """Frames that belong to a cited time."""
    draws: int = 3
    """Of a probe that draws by chance."""
    seed: int = 0
    retry_errors: bool = False
    how: Mapping[str, Any] = field(default_factory=dict)
    """The fields of asker.EngineChoice."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for flag, value in (("--near", self.near), ("--draws", self.draws)):
            if value < 1:
                raise UsageError(f"{flag} cannot be {value}; it must be at least 1")
        if not self.probes:
            raise UsageError("no probe is named; give --remove evidence,random, or --probes with names")


def probe(asked: Asked, console: Console) -> int:
    """Ask what is owed, write and print what the probes found; the exit code."""
    run, how = read_run(asked.run), EngineChoice(**asked.how)
    probes = find(asked.probes)
    answered = {name: run["settings"][name] for name in ("model", "engine")}
    told, own = asker.told(run, how)
    if not own:
        raise UsageError(
            f"a probe asks what answered the run, and this is another: {'; '.join(differences(answered, told))}; "
            "leave out the flags of model and engine"
        )
    with Store(asked.run):
        bases = grounded.read(asked.run, run, asked.near)
        if not any(base.questions for base in bases.values()):
            why = "; ".join(f"{n} x {why}" for base in bases.values() for why, n in base.left_out.most_common())
            console.print(f"{asked.run} has no question to probe: {why}", highlight=False, markup=False, soft_wrap=True)
            return 1
        heads = {name: _head(name, each, asked, run) for name, each in probes.items()}
        with closing(Books(asked.run, heads, retry_errors=asked.retry_errors)) as books:
            try:
                _ask(asked, run, how, bases, probes, books, console)
            except KeyboardInterrupt:
                kept = f"stopped; {len(books.known)} answers are kept in {asked.run}: the same command goes on"
                console.print(kept, highlight=False, markup=False, soft_wrap=True)
                return 130
        document = faithfulness.document(asked.run, run, bases, probes, asked.near, asked.draws, asked.seed)
        write(asked.run / FIGURES, "probe", document)
        publish(asked.run, document, console)
    return 0


def find(names: Sequence[str]) -> dict[str, Probe]:
    """The probes by their short names, each after its control, which is asked too."""
    found: dict[str, Probe] = {}
    for name in names:
        short = Path(name).stem if name.endswith(".py") else name.replace("_", "-")
        each: Probe = plugins.load("harness.scaling.probes", full_name(name))
        for control in each.against[:1]:
            found.setdefault(control, plugins.load("harness.scaling.probes", control))
        found[short] = each
    return found


def _head(name: str, each: Probe, asked: Asked, run: Mapping[str, Any]) -> dict[str, Any]:
    """What fixes the answers of a probe."""
    settings = hashlib.sha256(compact(run["settings"]).encode()).hexdigest()
    return {"probe": name, "version": each.version, "near": asked.near, "seed": asked.seed, "run": settings}


def turns(asked: Asked, bases: Mapping[str, Base], probes: Mapping[str, Probe]) -> Iterator[Turn]:
    """All that is to be asked, the questions of a video together."""
    for base in bases.values():
        for question in sorted(base.questions, key=lambda question: question.view.video):
            for name, each in probes.items():
                for draw in range(asked.draws if each.drawn else 1):
                    with suppress(NotProbed):
                        view = base.changed(question, name, each, asked.seed, draw)
                        yield Turn(probe=name, draw=draw, job=_job(base, question, view))


def _job(base: Base, question: Grounded, view: View) -> Job:
    spec = base.spec
    return Job(
        task=base.task,
        sample=question.sample,
        frames=spec["frames"],
        max_pixels=spec["max_pixels"],
        decoding=Decoding(**spec["decoding"]) if "decoding" in spec else None,
        show=view.show,
        view=view,
    )


def _ask(
    asked: Asked,
    run: Mapping[str, Any],
    how: EngineChoice,
    bases: Mapping[str, Base],
    probes: Mapping[str, Probe],
    books: Books,
    console: Console,
) -> None:
    """Ask what is not on record, if anything."""

    def place(turn: Turn) -> tuple[str, str, str, int]:
        return (turn.probe, *key(turn.job.task.name, turn.job.sample.id), turn.draw)

    places = [place(turn) for turn in turns(asked, bases, probes)]
    known = [books.known[each] for each in places if each in books.known]
    if len(known) == len(places):
        return
    settings = run["settings"]
    voter = plugins.load("harness.scaling", settings["voter"])
    answered = {name: settings[name] for name in ("model", "engine")}
    grader = asker.grader(run, how, answered)
    clips = any(base.spec.get("show", "images") != "images" for base in bases.values())
    grader = replace(grader, settings=replace(grader.settings, clips=clips))
    frames = asker.frames(run, how)
    with closing(frames):
        loop = Loop(
            engine=grader.start(frames),
            views=frames,
            voter=voter,
            stop=find_rule(settings["adaptive"], voter) if settings.get("adaptive") else None,
            decoding=Decoding(**settings["decoding"]),
            seed=settings["seed"],
            family=settings["family"],
        )
        left = (turn for turn in turns(asked, bases, probes) if place(turn) not in books.known)
        progress = Progress(console, len(places), len(known), sum(known))
        put(loop.engine, Asking(loop), left, books.append, how.in_flight, progress, answered=not all(known))


def publish(folder: Path, document: Mapping[str, Any], console: Console) -> None:
    """Write probe.md and the pictures, and print the tables."""
    page, drawing = (importlib.import_module(f"harness.reports.{name}") for name in ("probes", "bars"))
    pictures = drawing.draw(folder, document)
    write_bytes(folder / PAGE, page.markdown(document, pictures).encode("utf-8", "replace"))
    page.show(console, document)
    console.print(f"\n{folder / PAGE}", highlight=False, markup=False, soft_wrap=True)
