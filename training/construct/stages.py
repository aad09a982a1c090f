"""The stages of a sample: annotated, its crops verified, its reasoning checked and judged (arXiv 2510.20579, A.3, A.4).

A stage takes a draft and gives one, or the rule that dropped it. EngineError and VideoError leave it undecided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from pathlib import Path

from harness import families, prompt, sampling
from harness.frames import Frames
from harness.geometry import Box
from harness.records import Frame, Request

from . import claims, reading, rules, words
from .asking import Asker, chance
from .draft import Draft, Drop
from .ledger import Answer
from .recipe import Annotator, Rules
from .sources import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """What a model is shown of videos."""

    frames: Frames
    videos: Path
    family: str
    """Fixes the sizes of images."""
    max_pixels: int

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size at which frames of a video reach the model, and crops of it too."""
        return families.family(self.family).resize(width, height, self.max_pixels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotating:
    """Has a sample written about an item."""

    asker: Asker
    eyes: Eyes
    how: Annotator
    rules: Rules

    async def __call__(self, item: Item) -> Draft | Drop:
        """The draft, past the rules about sources, key frames and large boxes."""
        asked = await question(item, self.eyes, self.how, self.rules)
        if isinstance(asked, Drop):
            return asked
        request, seen = asked
        answer = await self.asker.ask("annotate", item.id, request)
        draft = reading.read(answer.text or "", item, seen, self.rules)
        return draft if isinstance(draft, Drop) else small(draft, self.rules)


async def question(item: Item, eyes: Eyes, how: Annotator, options: Rules) -> tuple[Request, reading.Seen] | Drop:
    """What an annotator is asked about an item, and what it counts in; VideoError when its video cannot be read."""
    video = str(eyes.videos / item.video)
    info = await eyes.frames.info(video)
    total, source = len(info.times), (info.width, info.height)
    if item.segment and (why := rules.unsuitable(info.duration, item.segment, options)):
        return Drop("source", why)
    if any(caption.end >= total for caption in item.captions):
        return Drop("source", f"its captions reach to frame {max(c.end for c in item.captions)} of {total}")
    part = info.within(item.segment) if item.segment else info
    size, times = eyes.size(*source), sampling.sample(part, how.frames)
    images = [Frame(video=video, time=time, size=size) for time in times]
    shown = [*zip(info.on_screen(times), images, strict=True)]
    unit = reading.unit(how.coordinates, size, *source)
    seen = reading.Seen(width=info.width, height=info.height, times=tuple(map(float, info.times)), unit=unit)
    return words.annotate(item, shown, source, info.duration, total, how), seen


def small(draft: Draft, options: Rules) -> Draft | Drop:
    """The draft when no box covers too much of its frame."""
    failed = [(time, name, box) for time, name, box in draft.boxes if rules.large(box, options.largest_box)]
    if not failed:
        return draft
    time, name, box = failed[0]
    drop = Drop("large", f"the box of {name!r} at {time:g} s covers {100 * box.area:.0f} % of the frame")
    return rules.without(draft, failed, drop, options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """Puts crops of a draft to a model; the verifier and the judge."""

    asker: Asker
    eyes: Eyes
    rules: Rules

    async def verify(self, draft: Draft) -> Draft | Drop:
        """Is each crop what it is said to show?"""
        ask = [
            self.asker.ask("verify", draft.item.id, prompt.verify(name, self._crop(draft, time, box)))
            for time, name, box in draft.boxes
        ]
        sure = list(map(chance, await together(ask)))
        failed = [each for each, yes in zip(draft.boxes, sure, strict=True) if yes < self.rules.verify_from]
        if not failed:
            return draft
        time, name, _ = failed[0]
        yes = sure[draft.boxes.index(failed[0])]
        drop = Drop("verify", f"is the crop at {time:g} s a {name}? The chance of yes is {yes:.2f}")
        return rules.without(draft, failed, drop, self.rules)

    async def judge(self, draft: Draft) -> Draft | Drop:
        """Does the reasoning cite only what is there, and each sentence agree with the crops that it cites?

        Sentences that cite nothing are not judged.
        """
        if why := rules.inconsistent(draft, self.rules):
            return Drop("consistency", why)
        draft = rules.aligned(draft, self.rules)
        pairs = {
            (claim, claims.plain(sentence)): None
            for sentence in claims.sentences(draft.reasoning)
            for claim in claims.cited(sentence).claims
        }
        ask = [
            self.asker.ask(
                "judge", draft.item.id, words.judge(claim.name, sentence, self._crop(draft, claim.time, claim.box))
            )
            for claim, sentence in pairs
        ]
        for (claim, sentence), answer in zip(pairs, await together(ask), strict=True):
            if chance(answer) < self.rules.judge_from:
                told = f"does {sentence!r} agree with the {claim.name} at {claim.time:g} s?"
                return Drop("judge", f"{told} The chance of yes is {chance(answer):.2f}")
        return draft

    def _crop(self, draft: Draft, time: float, box: Box) -> Frame:
        """A region of a key frame, as large as a whole frame."""
        video, size = str(self.eyes.videos / draft.item.video), self.eyes.size(draft.width, draft.height)
        return Frame(video=video, time=time, size=size, crop=box.scale(draft.width, draft.height))


async def together(ask: Iterable[Awaitable[Answer]]) -> list[Answer]:
    """All answers; all are awaited, so that none is left behind when one fails."""
    found = await asyncio.gather(*ask, return_exceptions=True)
    answers = []
    for each in found:
        if isinstance(each, BaseException):
            raise each
        answers.append(each)
    return answers
