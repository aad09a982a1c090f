"""The rules that need no model: sources, large boxes, and reasoning that keeps to its evidence.

arXiv 2510.20579, Sec. 3.2, A.3 and A.4. All are pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.geometry import Box, Span

from .claims import Claim, bare, cited, rewrite, same, sentences
from .draft import Draft, Drop, Moment
from .recipe import Rules

EDGE = 1e-9
"""Room for sums of binary fractions."""


def unsuitable(duration: float, segment: Span, rules: Rules) -> str | None:
    """Why a video with a segment makes no sample, in words; None when it does. Lengths are in seconds.

    >>> unsuitable(60, Span(10, 30), Rules()), unsuitable(9, Span(1, 2), Rules())
    (None, 'the video is 9.0 s long, and should be 10 to 180 s')
    >>> unsuitable(60, Span(10, 45), Rules()), unsuitable(60, Span(50, 70), Rules())
    ('the segment is 58 % of the video, more than 50 %', 'the segment ends at 70.0 s, after the video: 60.0 s')
    """
    if not rules.min_seconds - EDGE <= duration <= rules.max_seconds + EDGE:
        wanted = f"{rules.min_seconds:g} to {rules.max_seconds:g} s"
        return f"the video is {duration:.1f} s long, and should be {wanted}"
    if segment.end > duration + max(1.0, rules.time_tolerance):
        return f"the segment ends at {segment.end:.1f} s, after the video: {duration:.1f} s"
    share = (segment.end - segment.start) / duration
    if share > rules.max_share + EDGE:
        return f"the segment is {100 * share:.0f} % of the video, more than {100 * rules.max_share:g} %"
    return None


def large(box: Box, most: float) -> bool:
    """Whether a box covers more than that share of the frame, of which its numbers are fractions.

    >>> large(Box(0, 0, 1, 0.81), 0.8), large(Box(0.1, 0, 0.9, 1), 0.8)
    (True, False)
    """
    return box.clip(1, 1).area > most + EDGE


def one_spelling(moments: Sequence[Moment]) -> tuple[Moment, ...]:
    """The key frames with one spelling of each object, its first without an article, and boxes told twice once.

    >>> one_spelling([Moment(1.0, {"The Dog": (Box(0, 0, 1, 1),)}), Moment(2.0, {"dog": ()})])[1].items
    {'Dog': ()}
    """
    names = {bare(name).casefold(): bare(name) for m in reversed(moments) for name in reversed([*m.items])}
    found = []
    for moment in moments:
        items: dict[str, tuple[Box, ...]] = {}
        for name, boxes in moment.items.items():
            spelled = names[bare(name).casefold()]
            items[spelled] = tuple(dict.fromkeys((*items.get(spelled, ()), *boxes)))
        found.append(Moment(moment.time, items))
    return tuple(found)


def evidence(claim: Claim, moments: Sequence[Moment], rules: Rules) -> Claim | str:
    """The key item that a claim means, as a claim; why there is none in words.

    It is of the same object, at most `time_tolerance` away and overlaps by `box_iou` or more; of several, that at the
    nearest time, and there the one that overlaps most.

    >>> there = [Moment(3.0, {"dog": (Box(0, 0, 0.5, 0.5),)})]
    >>> evidence(Claim("the Dog", Box(0, 0, 0.5, 0.49), 3.04), there, Rules())
    Claim(name='dog', box=Box(x1=0, y1=0, x2=0.5, y2=0.5), time=3.0)
    >>> evidence(Claim("dog", Box(0, 0, 0.5, 0.5), 4.0), there, Rules())
    'the time 4 s is that of no key frame'
    """
    near = [moment for moment in moments if abs(moment.time - claim.time) <= rules.time_tolerance + EDGE]
    if not near:
        return f"the time {claim.time:g} s is that of no key frame"
    named = [
        Claim(name, box, moment.time)
        for moment in near
        for name, boxes in moment.items.items()
        if same(name, claim.name)
        for box in boxes
    ]
    if not named:
        return f"{claim.name!r} is no item of the key frame at {near[0].time:g} s"
    fits = [item for item in named if item.box.iou(claim.box) >= rules.box_iou - EDGE]
    if not fits:
        best = max(item.box.iou(claim.box) for item in named)
        return f"the box of {claim.name!r} at {claim.time:g} s is no item there (IoU {best:.2f} at best)"
    return min(fits, key=lambda item: (abs(item.time - claim.time), -item.box.iou(claim.box)))


def inconsistent(draft: Draft, rules: Rules) -> str | None:
    """What the reasoning cites and the key frames and items do not hold, or fails to mention; None when it is fine."""
    said = cited(draft.reasoning)
    if said.broken is not None:
        return f"the reasoning holds what is no claim: {said.broken!r}"
    if not said.claims:
        return "the reasoning cites nothing"
    for claim in said.claims:
        found = evidence(claim, draft.moments, rules)
        if isinstance(found, str):
            return found
    for time in said.times:
        if all(abs(moment.time - time) > rules.time_tolerance + EDGE for moment in draft.moments):
            return f"the time {time:g} s is that of no key frame"
    told = {bare(claim.name).casefold() for claim in said.claims}
    silent = [name for moment in draft.moments for name in moment.items if bare(name).casefold() not in told]
    if rules.mention_all and silent:
        return f"the reasoning does not mention {silent[0]!r}"
    return None


def aligned(draft: Draft, rules: Rules) -> Draft:
    """The draft, which is consistent, with every claim of its reasoning as its key item has it, to the last digit."""

    def item(claim: Claim) -> Claim:
        found = evidence(claim, draft.moments, rules)
        return claim if isinstance(found, str) else found

    def time(seconds: float) -> float:
        return min((moment.time for moment in draft.moments), key=lambda each: abs(each - seconds))

    return replace(draft, reasoning=rewrite(draft.reasoning, item, time))


def without(draft: Draft, failed: Sequence[tuple[float, str, Box]], drop: Drop, rules: Rules) -> Draft | Drop:
    """What is left of a draft when some boxes failed: nothing, or all but their objects and the sentences about them.

    An object leaves a key frame whole, with its other boxes there, and a key frame without objects leaves too.
    """
    if not failed:
        return draft
    if rules.failed_box == "sample":
        return drop
    gone = {(time, name) for time, name, _ in failed}
    left = [
        Moment(moment.time, {name: boxes for name, boxes in moment.items.items() if (moment.time, name) not in gone})
        for moment in draft.moments
    ]

    def cites(sentence: str) -> bool:
        claims = cited(sentence).claims
        found = [evidence(claim, draft.moments, rules) for claim in claims]
        return any(isinstance(each, Claim) and (each.time, each.name) in gone for each in found)

    kept = [sentence for sentence in sentences(draft.reasoning) if not cites(sentence)]
    moments = tuple(moment for moment in left if moment.items)
    if not moments or not kept:
        return Drop(drop.rule, f"{drop.why}; nothing is left")
    return replace(draft, moments=moments, reasoning=" ".join(kept), lost=(*draft.lost, *[drop] * len(gone)))
