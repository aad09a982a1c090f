"""What nano learns from: clips with the harness's own requests and reference responses as tokens."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import plugins, prompt
from harness.geometry import Box
from harness.records import Evidence, Frame, Request, Sample, View
from harness.shapes import clip as world
from harness.shapes import events, questions, render
from harness.shapes.clip import Clip, Thing, make

from . import plain, samples
from .branches import SHOWN, Branch, Writer, after, chat
from .looks import cut, draw, look

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerFast

DOES = 2
"""Questions that are answered with Yes about what a camera does, and as many with No."""


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

    def __init__(self, tokenizer: PreTrainedTokenizerFast | None, plain: bool = False) -> None:
        """Without a tokenizer only requests and responses can be had: `ask`, `filmed` and `pictured`.

        `plain` responses are the answer alone, whatever the request demands: no reasoning, no evidence, no tags.
        """
        self.plain = plain
        if tokenizer is not None:
            self.writer = Writer(tokenizer)
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
        asked = self.ask(clip, view, rng) if questions_too else []
        branches = [self.writer.branch(after(request), text) for request, text in asked]
        if asked:
            branches += [self.writer.near(*said) for said in _short(clip, rng)]
            branches += [plain.described(self.writer, clip, view)] if self.plain else []
        return self._lesson(clip, view, asked[0][0] if asked else None, branches, rng)

    def length(self, seed: int) -> str:
        """The length class of the clip of a lesson."""
        return random.Random(f"length:{seed}").choices(("short", "medium", "long"), (92, 5, 3))[0]

    def glimpse(self, seed: int) -> Lesson:
        """A few frames, and for each thing on them the claims that cite its first and its last sight."""
        rng = random.Random(f"glimpse:{seed}")
        clip = make(seed)
        view = look(clip, random.Random(0))
        count = rng.randint(1, min(8, len(view.times)))
        view = replace(view, times=tuple(sorted(rng.sample(view.times, count))))
        branches = []
        for thing in clip.things:
            times = [time for time in view.times if thing.visible(time)]
            if times:
                ends = (times[0], times[-1])
                claims = [Evidence(label=thing.name, time=time, box=clip.box(thing, time)) for time in ends]
                branches += plain.pointed(self.writer, view, claims) if self.plain else self.writer.cited(view, claims)
        request = self.vstar.request(samples.sample(clip, "where_1", "", clip.things[0]), view)
        return self._lesson(clip, view, request, branches, rng)

    def film(self, seed: int) -> Lesson:
        """Frames of a clip on which only the camera moves, with questions on what it does."""
        clip, view, asked = self.filmed(seed)
        branches = [self.writer.branch(after(request), text) for request, text in asked]
        branches.append(self.writer.near("What does the camera do?", clip.camera or ""))
        return self._lesson(clip, view, asked[0][0], branches, random.Random(seed))

    def filmed(self, seed: int) -> tuple[Clip, View, list[tuple[Request, str]]]:
        """A clip whose camera does something, all or a few of its frames, and requests with reference responses."""
        rng = random.Random(f"film:{seed}")
        clip = world.film(seed, rng.choice(world.CAMERAS))
        view = look(clip, rng)
        if len(view.times) > 3 and rng.random() < 0.7:
            between = rng.sample(view.times[2:-2], min(rng.choice((0, 0, 1)), len(view.times[2:-2])))
            ends = rng.choice(view.times[:2]), rng.choice(view.times[-2:])
            view = replace(view, times=tuple(sorted([*ends, *between])))
        wrong = rng.sample([camera for camera in world.CAMERAS if camera != clip.camera], DOES)
        asked = [*((camera, "No") for camera in wrong), *[(clip.camera or "", "Yes")] * DOES]
        made = [(_only(view, events.does(camera)), answer) for camera, answer in asked]
        question = events.camera(clip, rng)
        assert question is not None
        sample = samples.camera(clip, question, view.times)
        task = replace(self.videomme, prompt="direct") if rng.random() < 0.1 else self.videomme
        made.append((task.request(sample, view), self._answer(task, sample, view)))
        return clip, view, made

    def picture(self, seed: int) -> Lesson:
        """Frames and a picture behind them, with questions on the thing that has the shape on the picture."""
        clip, view, asked, card = self.pictured(seed)
        branches = [self.writer.branch(after(request), text) for request, text in asked]
        lesson = self._lesson(clip, view, asked[0][0], branches, random.Random(seed))
        lesson.pixels = np.concatenate([lesson.pixels, render.frame(card, 0.0, view.size)[None]])
        lesson.things.append(_seen(card, view, 0.0))
        return lesson

    def pictured(self, seed: int) -> tuple[Clip, View, list[tuple[Request, str]], Clip]:
        """A clip, its frames, requests that show one picture with reference responses, and that picture."""
        rng = random.Random(f"picture:{seed}")
        clip = make(seed)
        drawn = events.pictured(clip, rng)
        if drawn is None:
            clip = replace(clip, things=(replace(clip.things[0], colour="red"),))
            drawn = events.pictured(clip, rng)
        assert drawn is not None
        view = look(clip, rng)
        (question, card), shape = drawn, drawn[0].things[0]
        made: list[tuple[Request, str]] = []
        for _ in range(8):
            if question.things[0] is shape and len(made) < samples.CHOICES:
                sample = samples.happening(clip, question)
                task = replace(self.videomme, prompt="direct") if rng.random() < 0.1 else self.videomme
                made.append((_with_picture(task.request(sample, view), view), self._answer(task, sample, view)))
            question = (events.pictured(clip, rng) or drawn)[0]
        return clip, view, made, card

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
        prefix = self.writer.prefix(told[0][0], view)
        branches = [self.writer.branch(after(asked), answer) for asked, answer in told]
        return Lesson(prefix, cut(clip, frame, rng)[None], branches, [[]])

    def drill(self, seed: int) -> Lesson:
        """No frames: options to look a letter up in, boxes that move, things to find one in, or names for frames."""
        rng = random.Random(f"drill:{seed}")
        clip = make(seed)
        view = look(clip, random.Random(0))
        shares = (1, 0, 0, 1) if self.plain else (1, 4, 3, 1)
        kind = rng.choices(("names", "letters", "motions", "members"), shares)[0]
        if kind == "names":
            return self._names(clip, view, rng)
        if kind == "motions":
            before, told = "", self._motions(seed, rng)
        elif kind == "letters":
            asked = [make(clip, rng) for make in (questions.choice, *events.MAKERS)]
            asked.append(events.camera(world.film(seed, rng.choice(world.CAMERAS)), rng))
            sample = samples.choice(clip, rng.choice([question for question in asked if question is not None]))
            before = after(self.videomme.request(sample, view))
            ends = zip(questions.LETTERS, sample.options, strict=True)
            told = [(f"So the answer is {option}", f".</think><answer>{letter}</answer>") for letter, option in ends]
        else:
            before = "".join(f"{thing.name}," for thing in clip.things) + SHOWN
            members = [samples.exists(clip, questions.exists(clip, rng)) for _ in range(samples.EXISTS)]
            told = [(after(self.shapes.request(sample, view)), sample.answer or "") for sample in members]
        branches = [self.writer.branch(*pair) for pair in told]
        return Lesson(self.writer.encode("<|im_start|>user\n" + before), np.zeros((0, 1, 1, 3), np.uint8), branches, [])

    def _motions(self, seed: int, rng: random.Random) -> list[tuple[str, str]]:
        """Questions on what moves with the boxes to tell it from, and how their answers end."""
        told = []
        for number in range(4):
            clip = make(seed + number)
            question, view = events.moves(clip, rng), look(clip, random.Random(0))
            if question is None:
                clip = world.film(seed + number, rng.choice(world.CAMERAS))
                question = events.camera(clip, rng)
                assert question is not None
                sample = samples.camera(clip, question, view.times)
            else:
                sample = samples.happening(clip, question)
            seen, said, end = self.videomme.reference(sample, view).partition("So the answer is ")
            told.append((after(self.videomme.request(sample, view)) + seen + said, end))
        return told

    def _names(self, clip: Clip, view: View, rng: random.Random) -> Lesson:
        """The names of the things on each frame in its place, and questions that need no more."""
        named = [samples.sample(clip, "when_1", questions.when(thing), thing) for thing in clip.things]
        asked = questions.what(clip, rng)
        named.append(samples.sample(clip, "what", asked.text, asked.things[0], answer=asked.answer))
        requests = [self.vstar.request(sample, view) for sample in named]
        text = chat(requests[0]).removesuffix(after(requests[0]))
        for time in view.times:
            seen = "".join(f"{thing.name}," for thing in clip.things if thing.visible(time))
            text = text.replace("<|image_pad|>", seen or ",", 1)
        pairs = zip(requests, named, strict=True)
        branches = [self.writer.branch(after(r), self._answer(self.vstar, s, view)) for r, s in pairs]
        for branch in branches:
            branch.weights = [0.0 if soft else w for soft, w in zip(branch.soft, branch.weights, strict=True)]
            branch.soft = [False] * len(branch.soft)
        return Lesson(self.writer.encode(text), np.zeros((0, 1, 1, 3), np.uint8), branches, [])

    def ask(self, clip: Clip, view: View, rng: random.Random) -> list[tuple[Request, str]]:
        """Requests on a clip with their reference responses."""
        made = []
        for sample in samples.of(clip, rng):
            task = self.videomme if sample.kind == "mcq" else self.shapes if sample.kind == "exists" else self.vstar
            if task is not self.shapes and sample.kind in ("what", "mcq", "when_1") and rng.random() < 0.08:
                task = replace(task, prompt="direct")
            made.append((task.request(sample, view), self._answer(task, sample, view)))
        return made

    def _answer(self, task: Any, sample: Sample, view: View) -> str:
        """The response that a request of the task wants, or the plain one."""
        told: str = plain.answer(task, sample, view) if self.plain else task.reference(sample, view)
        return told

    def _lesson(
        self, clip: Clip, view: View, request: Request | None, branches: list[Branch], rng: random.Random
    ) -> Lesson:
        images = draw(clip, view, rng.random() < 0.35)
        prefix = self.writer.prefix(request, view) if request else []
        return Lesson(prefix, np.stack(images), branches, [_seen(clip, view, time) for time in view.times])


def _short(clip: Clip, rng: random.Random) -> list[tuple[str, ...]]:
    """Questions on a clip, each with the parts of its answer alone."""
    asked = [questions.choice(clip, rng), *(make(clip, rng) for make in events.MAKERS)]
    told: list[tuple[str, ...]]
    told = [(q.text, q.options[questions.LETTERS.index(q.answer)]) for q in asked if q is not None]
    spans = [(questions.when(thing), thing.span) for thing in clip.things]
    spans += [(samples.happens(event), event.span) for event in events.events(clip)]
    return told + [(text, f"{span.start:.1f}", f"{span.end:.1f}") for text, span in spans]


def _seen(clip: Clip, view: View, time: float) -> list[tuple[Thing, Box]]:
    """The things whose middle is on a frame, with their boxes in its pixels."""
    by = view.size[0] / clip.width, view.size[1] / clip.height
    boxes = [(thing, clip.box(thing, time)) for thing in clip.things if thing.visible(time)]
    inside = [
        (thing, box)
        for thing, box in boxes
        if 0 <= box.x1 + box.x2 <= 2 * clip.width and 0 <= box.y1 + box.y2 <= 2 * clip.height
    ]
    return [(thing, box.clip(clip.width, clip.height).scale(*by)) for thing, box in inside]


def _only(view: View, question: str) -> Request:
    """A question whose answer is Yes or No, judged by their probabilities."""
    parts = (*prompt.show(view), f"\n{question} Please only answer Yes or No.")
    return Request(system=prompt.SYSTEM, parts=parts, choices=prompt.YES_NO, max_tokens=1)


def _with_picture(request: Request, view: View) -> Request:
    """The request with a picture behind its frames."""
    *frames, text = request.parts
    return replace(request, parts=(*frames, "\nThe picture: ", Frame(video="", time=0.0, size=view.size), text))
