"""Whether a run folder is whole, and whether all in it follows from its rollouts.

Nothing is asked of a model and no video is opened: requests are made again from what was shown, rollouts are read
again, votes held and scored again, and scores.json summed up again; each must be what is on record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import plugins, schema
from harness.codec import compact, decode, encode
from harness.contracts import Task, Voter
from harness.errors import DataError, UsageError
from harness.manifest import fingerprint_model
from harness.plan import fingerprint
from harness.records import Prediction, Record, Sample
from harness.run import decoded, sample_seed
from harness.settings import Decoding
from harness.spool import Spool
from harness.store import RECORDS, SCORES, read_records, read_run, short_key
from harness.summary import restore, summarise

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 3
"""Faults of a kind that are told one by one."""


@dataclass(slots=True)
class Check:
    """One thing that was looked at, how often, and where it does not hold."""

    name: str
    looked: int = 0
    skipped: str | None = None
    """Why it could not be looked at."""
    faults: list[str] = field(default_factory=list)

    def see(self, fine: bool, fault: str) -> None:
        """One more case."""
        self.looked += 1
        if not fine:
            self.faults.append(fault)

    @property
    def verdict(self) -> str:
        """In a few words."""
        if self.faults:
            return f"{len(self.faults)} of {self.looked} WRONG"
        return self.skipped or ("nothing to check" if not self.looked else f"{self.looked} fine")


def verify(folder: Path, console: Console) -> int:
    """Check a run folder and print what was found; the exit code is 1 when something does not hold."""
    from rich.table import Table
    from rich.text import Text

    checks = look(folder)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("check")
    table.add_column("found")
    for check in checks:
        table.add_row(check.name, check.verdict)
    console.print(table)
    for check in checks:
        for fault in check.faults[:SHOWN]:
            console.print(Text(f"{check.name}: {fault}"), soft_wrap=True)
    wrong = sum(bool(check.faults) for check in checks)
    said = "verified" if not wrong else f"NOT verified: {wrong} of {len(checks)} checks failed"
    console.print(Text(f"{folder}: {said}"), soft_wrap=True)
    return 1 if wrong else 0


def look(folder: Path) -> list[Check]:
    """All checks of a run folder; UsageError when it is none, DataError when its lines cannot be read."""
    run = read_run(folder)
    records = Records(run)
    for record in read_records(folder):
        records.take(record)
    return [*records.checks(), _summed(folder, run), *_fingerprints(run, records.seen)]


class Records:
    """The checks of records, which are seen one at a time."""

    def __init__(self, run: Mapping[str, Any]) -> None:
        """Find the tasks and the voter of the run."""
        self.run, asked = run, run["settings"]
        self.specs: Mapping[str, Mapping[str, Any]] = {spec["name"]: spec for spec in asked["tasks"]}
        self.tasks: Mapping[str, Task] = {name: restore(spec) for name, spec in self.specs.items()}
        self.voter: Voter | None = None if asked["adaptive"] else plugins.load("harness.scaling", asked["voter"])
        self.seen: dict[str, dict[int, int]] = {name: {} for name in self.specs}
        """Task -> short key of a sample -> hash of the sample."""
        self.known = Check("samples are of the run, each once, with one outcome")
        self.requests = Check("requests made again have the keys on record")
        self.rollouts = Check("as many rollouts as were asked for, numbered")
        self.readings = Check("rollouts read again mean what is on record")
        self.votes = Check("votes held again are those on record")
        self.scores = Check("scores given again are those on record")

    def take(self, record: Record) -> None:
        """Look at one record."""
        name, sample = record.task, record.sample.id
        there = name in self.specs and record.version == self.specs[name]["version"]
        known = short_key(name, sample)
        fresh = there and known not in self.seen[name]
        self.known.see(fresh and (record.error is None) == (record.score is not None), f"{name}, {sample}")
        if not there or self.tasks[name].version != record.version:
            self.requests.skipped = f"the task {name} is of version {record.version} there, which is not here"
            return
        self.seen[name][known] = _hash(record.sample)
        if record.view is not None and record.responses and record.error is None:
            self._again(record, self.tasks[name])
        if record.vote is not None and record.score is not None:
            same = self.tasks[name].score(record.sample, record.vote)
            self.scores.see(same.values == record.score.values, f"{name}, {sample}: {same.values}")

    def _again(self, record: Record, task: Task) -> None:
        assert record.view is not None
        where = f"{record.task}, {record.sample.id}"
        how = self._decoding(record.task)
        if how is not None:
            seed = sample_seed(self.run["settings"]["seed"], task.name, record.sample.id)
            made = decoded(task.request(record.sample, record.view), how, seed)
            self.requests.see(made.key == record.request, where)
            numbers = [response.rollout for response in record.responses]
            whole = len(numbers) == how.n or bool(self.run["settings"]["adaptive"])
            self.rollouts.see(whole and numbers == [*range(len(numbers))], f"{where}: {numbers}")
        read = [task.read(record.sample, record.view, response) for response in record.responses]
        same = [plain(each) for each in record.predictions] == [plain(each) for each in read]
        self.readings.see(same, where)
        if self.voter is not None:
            self.votes.see(self.voter(record.sample, record.predictions) == record.vote, where)

    def _decoding(self, task: str) -> Decoding | None:
        told = self.specs[task].get("decoding") or self.run["settings"]["decoding"]
        return None if told is None else Decoding(**told)

    def checks(self) -> list[Check]:
        """Those of records, and whether there are as many as were asked for."""
        counted = Check("every sample of the run has a record")
        for name, told in self.run["tasks"].items():
            found = len(self.seen[name])
            counted.see(found == told["samples"], f"{name}: {found} of {told['samples']}; the same command goes on")
        if self.voter is None:
            self.votes.skipped = "not checked: rollouts were drawn until votes were settled"
        return [self.known, counted, self.requests, self.rollouts, self.readings, self.votes, self.scores]


def plain(prediction: Prediction) -> Prediction:
    """What a text alone says: signals come from other questions."""
    return replace(prediction, signals={})


def _summed(folder: Path, run: Mapping[str, Any]) -> Check:
    check = Check(f"{SCORES} follows from {RECORDS}")
    path = folder / SCORES
    if not path.is_file():
        check.see(False, f"there is no {path}; the same command, or harness report, writes it")
        return check
    found = schema.loads(path.read_bytes(), str(path))
    schema.validate("scores", found, str(path))
    again = schema.loads(schema.dumps(summarise(folder, run), SCORES), SCORES)
    check.see(found == again, "it says otherwise than the records")
    return check


def _fingerprints(run: Mapping[str, Any], seen: Mapping[str, Mapping[int, int]]) -> Iterator[Check]:
    """Whether model and data are still those that were asked, where they are still there."""
    asked, places = run["settings"], run["places"]
    model, check = asked["model"], Check("the model folder is the one that answered")
    if model and model["fingerprint"] and places.get("model") and Path(places["model"]).is_dir():
        check.see(fingerprint_model(Path(places["model"])) == model["fingerprint"], places["model"])
    else:
        check.skipped = "not checked: it is not here"
    yield check
    whole, each = Check("the data is the one that was asked"), Check("samples on record are those of the data")
    for spec in asked["tasks"]:
        _data(whole, each, spec, places.get(f"data of {spec['name']}"), seen[spec["name"]])
    yield whole
    yield each


def _data(whole: Check, each: Check, spec: Mapping[str, Any], place: str | None, seen: Mapping[int, int]) -> None:
    if place is None or not Path(place).is_dir():
        whole.skipped = each.skipped = "not checked: it is not here"
        return
    try:
        samples = Spool(Sample, restore(spec).samples(Path(place)))
    except (DataError, UsageError) as error:
        whole.see(False, str(error))
        return
    same = fingerprint(samples, Path(place)) == spec["fingerprint"]
    whole.see(same, f"{spec['name']} in {place}")
    for sample in samples if same else ():
        known = short_key(spec["name"], sample.id)
        if known in seen:
            each.see(_hash(sample) == seen[known], f"{spec['name']}, {sample.id}")


def _hash(sample: Sample) -> int:
    """The same wherever the data folder lies, and whether a sample comes from the data or from a record."""
    read = decode(Sample, schema.loads(schema.dumps(encode(sample), sample.id), sample.id))
    named = replace(read, video=Path(read.video).name)
    return int.from_bytes(hashlib.sha256(compact(named).encode()).digest()[:16], "big")
