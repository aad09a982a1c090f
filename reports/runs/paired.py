"""What two sides asked alike: the questions that are compared, and a word on everything that differs.

Refused, as no flag makes sense of it: another question, reference or video under the id of a sample. Refused without
`anyway`: another version of the task, which asks, reads or scores in another way. Told: settings, data, and what is
left out. A caller that wants the same settings refuses them itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.contracts import Task
from harness.errors import UsageError
from harness.store import differences

from .sides import Case, Part, Side, rounded

ASKING = ("preset", "decoding", "voter", "adaptive", "video")
"""Settings of a run that say how it was asked, beside those of each task."""
OTHERS = ("model", "family", "engine", "seed", "limit")
SPEC = ("options", "frames", "max_pixels", "show", "decoding")
"""And of a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Samples that are not compared."""

    before_only: int = 0
    after_only: int = 0
    errors_before: int = 0
    """Evaluated in the second run alone."""
    errors_after: int = 0
    """Evaluated in the first run alone."""
    errors_both: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """One task on both sides, sample by sample."""

    task: Task
    told: Mapping[str, Any]
    """What run.json says of it."""
    before: Sequence[Case]
    after: Sequence[Case]
    """In the same order."""
    left: Left
    notes: tuple[str, ...] = ()
    """What differs, in words."""
    how: tuple[str, ...] = ()
    """Those of them that say how questions were asked."""
    lacking: frozenset[str] = frozenset()
    """Figures that need more than what a recorded baseline keeps."""

    @property
    def videos(self) -> list[str]:
        """What the samples are clustered by."""
        return [case.record.sample.video for case in self.before]


def pair(before: Side, after: Side, *, anyway: bool = False, only: Collection[str] | None = None) -> dict[str, Paired]:
    """The tasks that both sides have, or some of them; UsageError where what they asked is not the same."""
    names = [name for name in before.parts if name in after.parts and (only is None or name in only)]
    if not names:
        here, there = (", ".join(side.parts) or "none" for side in (before, after))
        raise UsageError(f"{before.path} ({here}) and {after.path} ({there}) have no task in common")
    return {name: _paired(name, before, after, anyway) for name in names}


def _paired(name: str, before: Side, after: Side, anyway: bool) -> Paired:
    one, other = before.parts[name], after.parts[name]
    where = f"{before.path} and {after.path}"
    notes = [] if before.parts.keys() == after.parts.keys() else [_alone(before, after)]
    versions = one.spec["version"], other.spec["version"]
    if versions[0] != versions[1]:
        said = f"{where} asked {name} in versions {versions[0]} and {versions[1]}, which ask, read or score differently"
        if not anyway:
            raise UsageError(f"{said}; run one of them again, or give --anyway to compare them all the same")
        notes.append(said)
    shared = [id for id in one.cases if id in other.cases]
    if not shared:
        raise UsageError(f"{where} have no sample of {name} in common")
    _same_questions(name, where, [(one.cases[id], other.cases[id]) for id in shared])
    if one.spec["fingerprint"] != other.spec["fingerprint"]:
        notes.append("the data folders differ, but the questions that are compared are the same")
    how = [*_asked(before.settings, after.settings, one, other)]
    notes += [*how, *differences(_some(before.settings, OTHERS), _some(after.settings, OTHERS))]
    alike = rounded if before.recorded or after.recorded else _as_it_is
    both = [id for id in shared if one.cases[id].evaluated and other.cases[id].evaluated]
    return Paired(
        task=other.task(),
        told=other.told,
        before=[alike(one.cases[id]) for id in both],
        after=[alike(other.cases[id]) for id in both],
        left=_left(one, other, shared),
        notes=tuple(notes),
        how=tuple(how),
        lacking=one.lacking | other.lacking,
    )


def _as_it_is(case: Case) -> Case:
    return case


def _alone(before: Side, after: Side) -> str:
    sides = ((before, after), (after, before))
    said = [f"only {a.path.name} has {', '.join(only)}" for a, b in sides if (only := [*_less(a, b)])]
    return f"not compared: {'; '.join(said)}"


def _less(one: Side, other: Side) -> Iterator[str]:
    return (name for name in one.parts if name not in other.parts)


def _same_questions(name: str, where: str, cases: Sequence[tuple[Case, Case]]) -> None:
    """UsageError when samples of one id are not the same, or lie in videos that others do not share."""
    odd = [a.record.sample.id for a, b in cases if a.asked != b.asked or a.video != b.video]
    if odd:
        raise UsageError(
            f"{where} do not ask the same: {len(odd)} of {len(cases)} samples of {name} with the same id, such as "
            f"{odd[0]!r}, have another question, reference or video; compare runs on one version of the data"
        )
    pairs = {(a.record.sample.video, b.record.sample.video) for a, b in cases}
    for side in zip(*pairs, strict=True):
        if twice := [video for video, number in Counter(side).items() if number > 1]:
            raise UsageError(
                f"{where} do not ask the same: questions of {name} about one video {twice[0]!r} are about several "
                "videos in the other; compare runs on one version of the data"
            )


def _some(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: settings[name] for name in names if name in settings}


def _asked(before: Mapping[str, Any], after: Mapping[str, Any], one: Part, other: Part) -> Iterator[str]:
    yield from differences(_some(before, ASKING), _some(after, ASKING))
    yield from differences(_some(one.spec, SPEC), _some(other.spec, SPEC))


def _left(one: Part, other: Part, shared: Sequence[str]) -> Left:
    fates = Counter((one.cases[id].evaluated, other.cases[id].evaluated) for id in shared)
    return Left(
        before_only=len(one.cases) - len(shared),
        after_only=len(other.cases) - len(shared),
        errors_before=fates[False, True],
        errors_after=fates[True, False],
        errors_both=fates[False, False],
    )
