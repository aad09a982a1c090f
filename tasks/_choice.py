"""Questions with lettered options: how they are asked, read and scored where a benchmark has no way of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import ClassVar

from harness import metrics, parse, prompt
from harness.contracts import Task
from harness.errors import UsageError
from harness.prompt import THINKING
from harness.records import Prediction, Record, Request, Response, Sample, Score, View


@dataclass(frozen=True, kw_only=True)
class Choice(Task):
    """A benchmark whose answers are letters; subclasses say where the questions come from."""

    columns: ClassVar[Mapping[str, str]] = {"acc": "Acc"}
    prompts: ClassVar[Sequence[str]] = (*THINKING,)
    """What the option `prompt` may be."""
    parsers: ClassVar[Sequence[str]] = ("strict",)
    """What the option `parser` may be."""

    prompt: str = "think"
    """With "think" the model reasons and cites first, with "words" it reasons, with "direct" it just gives a letter."""
    parser: str = "strict"
    """With "strict" an answer is one letter."""

    def __post_init__(self) -> None:
        """Check the options."""
        for name, known in (("prompt", self.prompts), ("parser", self.parsers)):
            if getattr(self, name) not in known:
                there = ", ".join(known)
                raise UsageError(f"{self.name} has no {name} {getattr(self, name)!r}; there are: {there}")

    @property
    def thinks(self) -> bool:
        """Whether reasoning is asked for."""
        return not self.prompt.endswith("direct")

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, then the question with its options."""
        form = (
            f"{THINKING[self.prompt]}Then give the letter of the best option between <answer> and </answer>."
            if self.thinks
            else "Respond with only the letter of the best option."
        )
        text = f"\n{self.before(sample, view)}{sample.question}\n{lettered(sample.options)}\n{form}"
        return Request(system=prompt.SYSTEM, parts=(*prompt.show(view), text))

    def before(self, sample: Sample, view: View) -> str:
        """What is said between the frames and the question."""
        return ""

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """The letter, by the parser asked for, and what was cited."""
        evidence, claims = parse.evidence(view, response.text)
        answer, problems = self.letter(sample, response.text)
        return Prediction(answer=answer, evidence=evidence, rollout=response.rollout, problems=(*problems, *claims))

    def letter(self, sample: Sample, text: str) -> tuple[str | None, tuple[str, ...]]:
        """The letter of a response, None where it cannot be read, and problems."""
        content, problems = parse.content(text, tagged=self.thinks)
        if content is None:
            return None, problems
        answer, found = parse.letter(content, sample.options)
        return answer, (*problems, *found)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Whether the letter is right."""
        return Score(values={"acc": float(prediction.answer == sample.answer)})

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """Accuracy over the scored records."""
        return {"acc": accuracy(records)}

    def reference(self, sample: Sample, view: View) -> str:
        """A response that scores 1.0."""
        letter = sample.answer or ""
        if not self.thinks:
            return letter
        options = dict(zip(ascii_uppercase, sample.options, strict=False))
        conclusion = f" So the answer is {options[letter]}." if letter in options else ""
        return f"{parse.write_think(view, sample.evidence, conclusion)}<answer>{letter}</answer>"


def lettered(options: Sequence[str]) -> str:
    r"""The options as lines.

    >>> lettered(["pear", "plum"])
    'A. pear\nB. plum'
    """
    return "\n".join(f"{letter}. {text}" for letter, text in zip(ascii_uppercase, options, strict=False))


def accuracy(records: Sequence[Record]) -> float | None:
    """The mean of "acc" over the scored records."""
    return metrics.mean(r.score.values.get("acc") for r in records if r.score is not None)
