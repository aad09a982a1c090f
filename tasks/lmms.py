"""Any video task of lmms-eval (arXiv 2407.12772; github.com/EvolvingLMMs-Lab/lmms-eval): `--tasks lmms:videomme`.

The documents, the words and the scores are lmms-eval's own; the frames, the rollouts and the votes are ours. A task is
named as lmms-eval names it, or by its YAML file. The data folder is laid out as its HF_HOME (docs/lmms.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from harness import metrics, parse, prompt
from harness.contracts import Preset, Task
from harness.errors import DataError, UsageError
from harness.records import Prediction, Record, Request, Response, Sample, Score, View

from . import _lmms_docs as documents
from . import _lmms_scores as scores
from . import _lmms_tasks as tasks

MEAN = "mean of samples"
"""The plain mean of what the samples are worth, where lmms-eval sums up in a way of its own."""
PARSERS = ("tags", "official")
FAILED = "lmms-eval's scorer failed"


@dataclass(frozen=True, kw_only=True)
class Lmms(Task):
    """What all tasks of lmms-eval have in common; `named` gives the tasks."""

    name: ClassVar[str] = "lmms"
    title: ClassVar[str] = "any video task of lmms-eval, as lmms:NAME"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "arXiv 2407.12772; github.com/EvolvingLMMs-Lab/lmms-eval (MIT and Apache-2.0)"
    frames: ClassVar[str] = "uniform:32"
    max_pixels: ClassVar[int] = 512 * 512
    columns: ClassVar[Mapping[str, str]] = {}
    spec: ClassVar[tasks.Spec | None] = None
    held: ClassVar[dict[str, documents.Documents]] = {}
    """The documents, once they are loaded: scores of a finished run do without."""

    parser: str = "tags"
    """With "tags" the words between answer tags are scored, without them those after the thinking; with "official" all
    words but the thinking that the task itself says how to recognise, as lmms-eval does."""

    def __post_init__(self) -> None:
        """Check the options."""
        if self.parser not in PARSERS:
            raise UsageError(f"{self.name} has no parser {self.parser!r}; there are: {', '.join(PARSERS)}")

    @property
    def known(self) -> tasks.Spec:
        """What its task file says."""
        if self.spec is None:
            raise UsageError("say which task of lmms-eval is meant, such as --tasks lmms:videomme")
        return self.spec

    def samples(self, root: Path) -> list[Sample]:
        """A sample a document, with its number for an id; the first one's answer is scored, to see that it can be."""
        found, samples = documents.load(self.known, root)
        self.held["docs"] = found
        if samples:
            scores.written(self.known, found.results(0, samples[0].answer or "A"))
        return samples

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, then the words of the task."""
        return Request(system=prompt.SYSTEM, parts=(*prompt.show(view), f"\n{sample.question}"))

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """What the task's scorer makes of the words; the answer is the one that it read, else what we read."""
        evidence, claims = parse.evidence(view, response.text)
        text = self.words(response.text)
        try:
            results = self.held["docs"].results(int(sample.id), text)
            outcome = scores.written(self.known, results)
        except DataError as error:
            problems = (f"{FAILED}: {error}", *claims)
            return Prediction(evidence=evidence, rollout=response.rollout, problems=problems)
        answer = scores.answer(results, text)
        if answer is None:
            answer = parse.letter(text, sample.options)[0] or text
        return Prediction(
            answer=answer or None, evidence=evidence, rollout=response.rollout, problems=claims, outcome=outcome
        )

    def words(self, text: str) -> str:
        """What of a response is scored."""
        if self.parser == "tags":
            return parse.final(text).strip()
        return tasks.stripped(self.known, text)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """What the sample is worth in each metric that it has; nothing where all rollouts abstain."""
        if prediction.outcome is None:
            failed = next((problem for problem in prediction.problems if problem.startswith(FAILED)), None)
            return Score(values=dict.fromkeys(sample.kind.split("+"), None if failed else 0.0), reason=failed)
        found = json.loads(prediction.outcome)
        values = {name: scores.number(self.known, name, value) for name, value in found.items()}
        unknown = [name for name, value in values.items() if value is None]
        return Score(values=values, reason=f"lmms-eval gives no number for {', '.join(unknown)}" if unknown else None)

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """Each metric by its own aggregation, and the mean over the samples of what they are worth.

        A sample that has a score and no results of lmms-eval's, such as an error that counts as wrong, counts 0.
        """
        scored = [r for r in records if r.score is not None]
        found = {metric: self._sum(metric, scored) for metric in self.known.metrics}
        worth = (metrics.mean(r.score.values.values()) for r in scored if r.score is not None)
        return {**found, MEAN: metrics.mean(worth)}

    def _sum(self, metric: str, records: Sequence[Record]) -> float | None:
        told = [{} if r.vote is None or r.vote.outcome is None else json.loads(r.vote.outcome) for r in records]
        results = [json.dumps(each[metric]) for each in told if metric in each]
        scored = zip(records, told, strict=True)
        others = [r.score.values.get(metric) for r, each in scored if r.score is not None and metric not in each]
        without = [value for value in others if value is not None]
        if not results:
            return None if any(without) or not without else 0.0
        whole = scores.summed(self.known, metric, results)
        return None if whole is None else whole * len(results) / (len(results) + len(without))

    def reference(self, sample: Sample, view: View) -> str:
        """The target of the document."""
        return sample.answer or ""

    def demo(self, root: Path, count: int, seed: int) -> None:
        """There is none."""
        raise UsageError(f"{self.name} has no synthetic instance; give the data of lmms-eval's task with --data")


@cache
def named(text: str) -> Task:
    """The task that lmms-eval knows by that name, or that a YAML file describes."""
    found = tasks.find(text)
    plain = {name: f"{name} (lower is better)" if name in found.lower else name for name in found.metrics}

    @dataclass(frozen=True, kw_only=True)
    class Named(Lmms):
        """One of lmms-eval's."""

        name: ClassVar[str] = f"lmms:{found.name.replace('.', '_')}"
        title: ClassVar[str] = f"{found.name} of lmms-eval"
        source: ClassVar[str] = f"lmms-eval {tasks.installed()}, task {found.name}; data set {found.dataset}"
        columns: ClassVar[Mapping[str, str]] = {**plain, MEAN: MEAN}
        presets: ClassVar[Mapping[str, Preset]] = {"official": _official(found.decoding)}
        spec: ClassVar[tasks.Spec | None] = found
        held: ClassVar[dict[str, documents.Documents]] = {}

    return Named()


def _official(decoding: Mapping[str, Any]) -> Preset:
    """As the task file has answers generated; its `until` is left out, as it is by lmms-eval's vLLM."""
    temperature, top_p, length = (decoding.get(key) for key in ("temperature", "top_p", "max_new_tokens"))
    return Preset(
        options={"parser": "official"},
        temperature=None if temperature is None else float(temperature),
        top_p=float(top_p) if top_p else None,
        max_tokens=int(length) if length else None,
    )


task = Lmms()
