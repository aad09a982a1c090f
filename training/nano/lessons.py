"""What nano learns from: clips with the harness's own requests and reference responses as tokens."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import parse, plugins, prompt
from harness.geometry import Box
from harness.records import Evidence, Request, Sample, View
from harness.shapes import questions
from harness.shapes.clip import Clip, Thing, make

from . import model
from .looks import cut, draw, look

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerFast

BOX = re.compile(r"\[(\d+),(\d+),(\d+),(\d+)\]")
HEAVY = re.compile(r"(?<=<answer>)(?:[A-D]|Yes|No)(?=</answer>)|^(?:[A-D]|Yes|No|[012])$")
HEAVY_WEIGHT, SEEN_WEIGHT = 6.0, 3.0
"""The weight of a token that is the whole answer among dozens that are not, and of a coordinate while thinking: there
it must be seen, later it can be copied."""

EXISTS, CHOICES = 8, 2
"""Questions of a kind a clip: a yes or a letter is little to learn from."""


@dataclass(slots=True)
class Branch:
    """A question and its response, after the frames of a clip."""

    tokens: list[int]
    weights: list[float]
    """Weight of the loss of predicting each token; 0 for the question."""
    soft: list[bool]
    """Whether the token is a coordinate, for which near misses are half right."""


@dataclass(slots=True)
class Lesson:
    """Frames and the questions on them, which share the frames as a common prefix."""

    prefix: list[int]
    """Tokens with one <|image_pad|> for each merged cell."""
    pixels: NDArray[np.uint8]
    """(frames, height, width, 3)."""
    branches: list[Branch]
    things: list[list[tuple[Thing, Box]]]
    """What is on each frame, with boxes in pixels of `pixels`."""


class Teacher:
    """Makes lessons of seeds."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast | None) -> None:
        """Without a tokenizer only `ask` works."""
        self.tokenizer = tokenizer
        self.vstar = plugins.load("harness.tasks", "vstar")
        self.videomme = plugins.load("harness.tasks", "videomme")
        self.shapes = plugins.load("harness.tasks", "shapes")

    def lesson(self, seed: int, questions_too: bool = True) -> Lesson:
        """Frames of the clip of that seed with its questions; two of the frames without."""
        rng = random.Random(f"lesson:{seed}")
        clip = make(seed, self.length(seed))
        view = look(clip, rng)
        if not questions_too:
            view = replace(view, times=tuple(sorted(rng.sample(view.times, 2))))
        images = draw(clip, view, rng.random() < 0.35)
        by = view.size[0] / clip.width, view.size[1] / clip.height
        things = [[(t, clip.box(t, time).scale(*by)) for t in clip.things if t.visible(time)] for time in view.times]
        asked = self.ask(clip, view, rng) if questions_too else []
        prefix = self._prefix(asked[0][0], view) if asked else []
        branches = [self._branch(self._after(request), text) for request, text in asked]
        return Lesson(prefix, np.stack(images), branches, things)

    def length(self, seed: int) -> str:
        """The length class of the clip of a lesson."""
        return random.Random(f"length:{seed}").choices(("short", "medium", "long"), (92, 5, 3))[0]

    def glimpse(self, seed: int) -> Lesson:
        """A few frames, and for each thing on them the claim that cites its first sight."""
        rng = random.Random(f"glimpse:{seed}")
        clip = make(seed)
        view = look(clip, random.Random(0))
        view = replace(view, times=tuple(sorted(rng.sample(view.times, rng.randint(1, 4)))))
        images = draw(clip, view, rng.random() < 0.35)
        by = view.size[0] / clip.width, view.size[1] / clip.height
        things = [[(t, clip.box(t, time).scale(*by)) for t in clip.things if t.visible(time)] for time in view.times]
        prefix = self._prefix(self.vstar.request(_sample(clip, "where_1", "", clip.things[0]), view), view)
        branches = []
        for thing in clip.things:
            time = next((time for time in view.times if thing.visible(time)), None)
            if time is not None:
                claim = Evidence(label=thing.name, time=time, box=clip.box(thing, time))
                branches += self._cited(view, claim)
        return Lesson(prefix, np.stack(images), branches, things)

    def crop(self, seed: int) -> Lesson:
        """A crop to grade or to name."""
        rng = random.Random(f"crop:{seed}")
        clip = make(seed)
        thing, time, box, grade = questions.view_of(clip, rng)
        view = look(clip, random.Random(0))
        frame = prompt.crop(view, box, time)
        asked = rng.choice((questions.when(thing), questions.where(thing), questions.what(clip, rng).text))
        wrong = rng.choice(questions.absent(clip, thing))
        told = [(prompt.relevance(asked, thing.name, frame), str(grade))]
        if grade == 2:
            told += [(prompt.verify(thing.name, frame), "Yes"), (prompt.verify(wrong, frame), "No")]
        text = chat(told[0][0])
        prefix = self._expand(text[: text.index("<|vision_end|>")], view.size)
        branches = [self._branch("<|vision_end|>" + self._after(asked), answer) for asked, answer in told]
        return Lesson(prefix, cut(clip, frame, rng)[None], branches, [[]])

    def drill(self, seed: int) -> Lesson:
        """No frames: options to look a letter up in, a list of things to find one in, or names for frames."""
        rng = random.Random(f"drill:{seed}")
        clip = make(seed)
        view = look(clip, random.Random(0))
        kind = rng.randrange(3)
        if kind == 0:
            return self._names(clip, view, rng)
        if kind == 1:
            sample = _choice(clip, questions.choice(clip, rng))
            before = self._after(self.videomme.request(sample, view))
            ends = zip(questions.LETTERS, sample.options, strict=True)
            told = [(f"So the answer is {option}", f".</think><answer>{letter}</answer>") for letter, option in ends]
        else:
            before = "".join(f"{thing.name}," for thing in clip.things) + "<|vision_end|>\n"
            samples = [_exists(clip, questions.exists(clip, rng)) for _ in range(EXISTS)]
            told = [(self._after(self.shapes.request(sample, view)), sample.answer or "") for sample in samples]
        branches = [self._branch(after, response) for after, response in told]
        return Lesson(self._encode("<|im_start|>user\n" + before), np.zeros((0, 1, 1, 3), np.uint8), branches, [])

    def _names(self, clip: Clip, view: View, rng: random.Random) -> Lesson:
        """The names of the things on each frame in its place, and questions that need no more."""
        samples = [_sample(clip, "when_1", questions.when(thing), thing) for thing in clip.things]
        asked = questions.what(clip, rng)
        samples.append(_sample(clip, "what", asked.text, asked.things[0], answer=asked.answer))
        requests = [self.vstar.request(sample, view) for sample in samples]
        text = chat(requests[0])
        text = text[: text.rindex("<|vision_end|>") + len("<|vision_end|>\n")]
        for time in view.times:
            seen = "".join(f"{thing.name}," for thing in clip.things if thing.visible(time))
            text = text.replace("<|image_pad|>", seen or ",", 1)
        pairs = zip(requests, samples, strict=True)
        branches = [self._branch(self._after(r), self.vstar.reference(s, view)) for r, s in pairs]
        for branch in branches:
            branch.weights = [0.0 if soft else w for soft, w in zip(branch.soft, branch.weights, strict=True)]
            branch.soft = [False] * len(branch.soft)
        return Lesson(self._encode(text), np.zeros((0, 1, 1, 3), np.uint8), branches, [])

    def ask(self, clip: Clip, view: View, rng: random.Random) -> list[tuple[Request, str]]:
        """Requests on a clip with their reference responses."""
        made = []
        for sample in self._samples(clip, rng):
            task = self.videomme if sample.kind == "mcq" else self.shapes if sample.kind == "exists" else self.vstar
            if task is not self.shapes and sample.kind in ("what", "mcq", "when_1") and rng.random() < 0.08:
                task = replace(task, prompt="direct")
            made.append((task.request(sample, view), task.reference(sample, view)))
        return made

    def _samples(self, clip: Clip, rng: random.Random) -> list[Sample]:
        asked = questions.what(clip, rng)
        thing = rng.choice(clip.things)
        samples = [_sample(clip, "what", asked.text, asked.things[0], answer=asked.answer)]
        samples += [_choice(clip, questions.choice(clip, rng)) for _ in range(CHOICES)]
        samples += [_exists(clip, questions.exists(clip, rng)) for _ in range(EXISTS)]
        samples.append(_sample(clip, "when_1", questions.when(thing), thing))
        samples.append(_sample(clip, "where_1", questions.where(thing), thing))
        other = rng.choice(clip.things)
        kind, ask = rng.choice((("when_2", questions.when), ("where_2", questions.where)))
        return [*samples, _sample(clip, kind, ask(other), other)]

    def _cited(self, view: View, claim: Evidence) -> list[Branch]:
        """A claim in its place; and its box and its time right behind the name, where they are learned first."""
        full = self._branch("<|im_start|>assistant\n", f"<think>The {parse.write_claim(view, claim)}")
        name = self._encode(claim.label)
        known = full.tokens.index(name[0]) + 1
        full.weights[:known] = [0.0] * known
        box = [token for token, soft in zip(full.tokens, full.soft, strict=True) if soft]
        time = self._encode(f"{claim.time:.1f}")
        return [
            full,
            Branch(name + box, [0.0] + [1.0] * len(box), [False] + [True] * len(box)),
            Branch(name + time, [0.0] + [1.0] * len(time), [False] * (1 + len(time))),
        ]

    def _prefix(self, request: Request, view: View) -> list[int]:
        text = chat(request)
        return self._expand(text[: text.rindex("<|vision_end|>") + len("<|vision_end|>\n")], view.size)

    def _expand(self, text: str, size: tuple[int, int]) -> list[int]:
        cell = model.PATCH * model.MERGE
        return self._encode(text.replace("<|image_pad|>", "<|image_pad|>" * (size[0] // cell * (size[1] // cell))))

    def _after(self, request: Request) -> str:
        """The chat from behind the last frame of a request to where the response begins."""
        last = request.parts[-1]
        assert isinstance(last, str)
        return f"{last}<|im_end|>\n<|im_start|>assistant\n"

    def _branch(self, before: str, response: str) -> Branch:
        asked, coded = self._encode(before), self._coded(response)
        inside = [span for match in BOX.finditer(response) for span in map(match.span, range(1, 5))]
        heavy = [match.span() for match in HEAVY.finditer(response)]
        soft = [span in inside for span in coded.offsets] + [False]
        thought = max(response.find("</think>"), 0)
        seen = [span for span in inside if span[1] < thought]
        special = dict.fromkeys(heavy, HEAVY_WEIGHT) | dict.fromkeys(seen, SEEN_WEIGHT)
        weights = [special.get(span, 1.0) for span in coded.offsets] + [1.0]
        end = self._encode("<|im_end|>")
        return Branch(asked + coded.ids + end, [0.0] * len(asked) + weights, [False] * len(asked) + soft)

    def _coded(self, text: str) -> Any:
        assert self.tokenizer is not None
        return self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)

    def _encode(self, text: str) -> list[int]:
        return list(self._coded(text).ids)


def chat(request: Request) -> str:
    """The request as nano's chat template writes it, up to where the response begins."""
    parts = [p if isinstance(p, str) else "<|vision_start|><|image_pad|><|vision_end|>" for p in request.parts]
    system = f"<|im_start|>system\n{request.system}<|im_end|>\n" if request.system else ""
    return f"{system}<|im_start|>user\n{''.join(parts)}<|im_end|>\n<|im_start|>assistant\n"


def _choice(clip: Clip, asked: questions.Question) -> Sample:
    thing = asked.things[0] if len(asked.things) == 1 else None
    told: dict[str, Any] = {"answer": asked.answer, "options": asked.options, "things": asked.things}
    return _sample(clip, "mcq", asked.text, thing, **told)


def _exists(clip: Clip, asked: questions.Question) -> Sample:
    return _sample(clip, "exists", asked.text, asked.things[0], answer=asked.answer)


def _sample(
    clip: Clip,
    kind: str,
    question: str,
    thing: Thing | None,
    *,
    answer: str | None = None,
    options: tuple[str, ...] = (),
    things: tuple[Thing, ...] = (),
) -> Sample:
    """A sample about one thing, or about several when `thing` is None."""
    shown = [thing] if thing else list(things)
    cited = [claim for t in shown for claim in _cite(clip, t, kind if thing else "count")]
    return Sample(
        id="",
        item="",
        kind=kind,
        video="",
        question=question,
        options=options,
        answer=answer,
        span=thing.span if thing else None,
        boxes=clip.boxes(thing) if thing else {},
        evidence=tuple(cited),
    )


def _cite(clip: Clip, thing: Thing, kind: str) -> list[Evidence]:
    """First and last sight of a thing when time is asked for, else one look at it."""
    span = thing.span
    times = [span.start, span.end] if kind.startswith("when") else [span.start]
    if kind in ("what", "mcq"):
        times = [float(round((span.start + span.end) / 2))]
    return [Evidence(label=thing.name, time=t, box=clip.box(thing, t)) for t in times]
