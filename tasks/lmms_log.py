"""Tasks of lmms-eval (arXiv 2407.12772) as their documents are asked in its harness, or as its logs tell of them.

"lmms-log:mvbench_action_count" is the task of that name. It has no data folder: documents come from lmms-eval, by
`lmms-eval --model grounded-harness` (harness/lmms/asking.py), or from a log of it, by `harness import`. To vote, score
and report again, neither it nor the documents are needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any, ClassVar, NoReturn

from harness import metrics, parse, prompt
from harness.contracts import Task
from harness.errors import UsageError
from harness.geometry import Span
from harness.prompt import THINKING
from harness.records import Prediction, Record, Request, Response, Sample, Score, View

_OPTION = re.compile(r"\s{0,4}\(?([A-Z])[.):]\)?\s{1,4}(\S.{0,999})")


@dataclass(frozen=True, kw_only=True)
class LmmsLog(Task):
    """A task of lmms-eval, whatever it is about."""

    name: ClassVar[str] = "lmms-log"
    title: ClassVar[str] = "a task of lmms-eval"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "arXiv 2407.12772; as lmms-eval asks it, or as its log tells"
    frames: ClassVar[str] = "uniform:64"
    max_pixels: ClassVar[int] = 512 * 512
    columns: ClassVar[Mapping[str, str]] = {"score": "Score"}

    prompt: str = "think"
    """With "direct" the text of the task is all that is asked; "think" adds that the model reason and cite first."""

    def __post_init__(self) -> None:
        """Check the option."""
        if self.prompt not in THINKING:
            raise UsageError(f"{self.name} has no prompt {self.prompt!r}; there are: {', '.join(THINKING)}")

    @property
    def thinks(self) -> bool:
        """Whether reasoning is asked for."""
        return bool(THINKING[self.prompt])

    def samples(self, root: Path) -> list[Sample]:
        """There is no data folder."""
        self._refuse()

    def document(
        self,
        number: int,
        text: str,
        *,
        asks: str | None = None,
        target: object = None,
        video: str = "",
        part: Span | None = None,
    ) -> Sample:
        """A document as a sample: what lmms-eval asks, the question in it, what it takes for right."""
        choices = options(text)
        return Sample(
            id=str(number),
            item=str(number),
            kind="letter" if choices else "text",
            video=video,
            part=part,
            question=asks if isinstance(asks, str) and asks and asks in text else text,
            options=choices,
            answer=letter(target, choices) if choices else None if target is None else str(target),
            context=text,
        )

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, then the text of lmms-eval's task as it is, then how to answer."""
        form = "the letter of the best option" if sample.options else "the answer in the form that is asked for"
        more = f"\n{THINKING[self.prompt]}Then give {form} between <answer> and </answer>." if self.thinks else ""
        return Request(system=prompt.SYSTEM, parts=(*prompt.show(view), f"\n{sample.context}{more}"))

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """A letter where options are lettered, else the final text; and what was cited."""
        evidence, problems = parse.evidence(view, response.text)
        answer: str | None = parse.final(response.text)
        if sample.options:
            answer, found = parse.letter(answer or "", sample.options)
            problems = (*found, *problems)
        elif not answer:
            problems = ("no answer", *problems)
        return Prediction(answer=answer or None, evidence=evidence, rollout=response.rollout, problems=problems)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Whether the letter is right; what has none is for lmms-eval to score."""
        if sample.options and sample.answer is not None:
            return Score(values={"score": float(prediction.answer == sample.answer)})
        return Score(values={"score": None}, reason="no letters to compare: lmms-eval scores it, import its log")

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """The mean of each value there is."""
        scored = [record.score.values for record in records if record.score is not None]
        names = dict.fromkeys(name for values in scored for name in values) or {"score": None}
        return {name: metrics.mean(values.get(name) for values in scored) for name in names}

    def reference(self, sample: Sample, view: View) -> str:
        """A response that scores 1.0 where that is known."""
        return f"<answer>{sample.answer or ''}</answer>"

    def demo(self, root: Path, count: int, seed: int) -> None:
        """There is nothing to make up."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise UsageError(
            f"{self.name} has no data of its own; use it in: harness import lmms-log:TASK LOG --out RUN, "
            "or ask its questions with: lmms-eval --model grounded-harness"
        )


def options(text: str) -> tuple[str, ...]:
    r"""The texts of the lettered options in a question, from the last line that begins with A on; none below two.

    >>> options("Which?\nA. pear\nB. plum\nAnswer with the letter."), options("A. Who is it?")
    (('pear', 'plum'), ())
    """
    best: list[str] = []
    now: list[str] = []
    for line in text.splitlines():
        match = _OPTION.match(line)
        if match is None:
            continue
        if match[1] == "A":
            now = []
        if match[1] == ascii_uppercase[len(now) : len(now) + 1]:
            now.append(match[2].strip())
            best = now if len(now) > 1 else best
    return tuple(best)


def letter(target: object, options: Sequence[str]) -> str | None:
    """The letter of what lmms-eval takes for right, which may be written as a letter or as the text of an option."""
    told = str(target).strip()
    bare = told.strip("().: ").upper()
    if len(bare) == 1 and bare in ascii_uppercase[: len(options)] and told not in options:
        return bare
    same = [k for k, option in enumerate(options) if metrics.normalize(option) == metrics.normalize(told)]
    return ascii_uppercase[same[0]] if len(same) == 1 else None


def named(task: str) -> LmmsLog:
    """The task of that name; UsageError where it is none that a file could be named after."""
    if not re.fullmatch(r"[\w.+-]{1,200}", task):
        raise UsageError(f"lmms-log:{task} names no task; write it as lmms-log:videomme")
    made: Any = type("LmmsLog", (LmmsLog,), {"name": f"lmms-log:{task}", "title": f"{task} of lmms-eval"})
    found: LmmsLog = made()
    return found


task = LmmsLog()
