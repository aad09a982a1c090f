"""Does it help, and why: the answer in words, from the figures and the limits stated here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.comparison import Compared
from harness.stats import LEVEL, POWER, Estimate

from .diagnosis import Discrimination, Gap
from .placebo import Placebo

ALPHA = 1 - LEVEL
"""A p below this, and an interval on one side of 0, establish a difference."""
LITTLE = 0.01
"""Where a perfect choice gains less than this, there is hardly anything to gain."""
EASIER = 0.05
"""Where the pooled concordance is above that within questions by this, easy questions make the signal look good."""
MOSTLY = 0.5
"""From this share of ties on, a signal mostly says nothing."""


def finding(compared: Compared) -> str:
    """ "helps", "harms" or "open": what is established.

    Both the interval and p, after Holm where there are several tests, must say so.
    """
    low, high = compared.difference.low, compared.difference.high
    p = compared.p if compared.holm is None else compared.holm
    if low is None or high is None or p >= ALPHA or low <= 0 <= high:
        return "open"
    return "helps" if low > 0 else "harms"


def side(estimate: Estimate, middle: float) -> str:
    """On which side of the middle an interval lies: "above", "below" or "" where it has the middle inside.

    >>> side(Estimate(value=0.6, low=0.55, high=0.65, n=9, clusters=9), 0.5)
    'above'
    """
    if estimate.low is None or estimate.high is None or estimate.low <= middle <= estimate.high:
        return ""
    return "above" if estimate.low > middle else "below"


def points(fraction: float) -> str:
    """A difference in points of per cent.

    >>> points(0.0312), points(-0.0001)
    ('+3.1', '+0.0')
    """
    return f"{round(100 * fraction, 1) + 0.0:+.1f}"


def interval(estimate: Estimate, form: Callable[[float], str]) -> str:
    """An interval in brackets; nothing where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{form(estimate.low)}, {form(estimate.high)}]"


def verdict(
    compared: Compared,
    gap: Gap,
    signal: tuple[str, Discrimination] | None,
    shuffled: Placebo | None,
) -> str:
    """Sentences: whether the vote helps, and whether what is known of its signal explains that."""
    said = [_whether(compared), *_room(compared, gap)]
    if signal is not None:
        said += _why(finding(compared), *signal)
    if shuffled is not None:
        said += _control(finding(compared), shuffled)
    return " ".join(said)


def _whether(compared: Compared) -> str:
    found, difference, flips = finding(compared), compared.difference, compared.flips
    if not flips.fixed + flips.broken + flips.changed:
        return f"The votes are the same on all {difference.n} samples."
    if difference.value is None or difference.low is None:
        return f"Whether it helps cannot be told: {difference.note or 'no figure'}."
    p = compared.p if compared.holm is None else compared.holm
    figures = f"{points(difference.value)} {interval(difference, points)}, p = {p:.2g}"
    figures += " after Holm" if compared.holm is not None else ""
    if found == "open":
        least = compared.detectable
        could = f"; {100 * least:.1f} points would have been found with a chance of {POWER:.0%}" if least else ""
        return f"Neither help nor harm is established: {figures}{could}."
    return f"It {found}: {figures}."


def _room(compared: Compared, gap: Gap) -> Iterator[str]:
    if gap.oracle is None or compared.before is None:
        return
    room = gap.oracle - compared.before
    if room < LITTLE:
        yield f"There is hardly anything to gain: the best rollout of each question scores {points(room)} more."
    elif gap.recovered.value is not None:
        part = f"{gap.recovered.value:.0%} {interval(gap.recovered, '{:.0%}'.format)}".strip()
        yield f"A perfect choice among the rollouts gains {100 * room:.1f} points; of that it has {part}."


def _why(found: str, name: str, told: Discrimination) -> Iterator[str]:
    within = told.within
    if within.value is None:
        yield "No question has rollouts of different scores, so no vote could gain anything."
        return
    where = side(within, 0.5)
    figure = f"concordance within a question {within.value:.3f} {interval(within, '{:.3f}'.format)}"
    can = {
        "above": f"{name} tells better rollouts of a question from worse ones ({figure})",
        "below": f"{name} is higher for the worse rollouts of a question ({figure})",
        "": f"{name} is not shown to tell better rollouts of a question from worse ones ({figure})",
    }[where]
    fits = (found, where)
    if fits in (("helps", "above"), ("harms", "below")):
        can += ", which explains it"
    elif found != "open":
        can += ", which does not explain it"
    elif where == "":
        can += ", so no gain was to be expected"
    yield f"{can[0].upper()}{can[1:]}."
    if told.pooled is not None and told.pooled - within.value >= EASIER:
        yield f"Over all rollouts it is {told.pooled:.3f}, but easy questions against hard ones are no use to a vote."
    if told.tied is not None and told.tied >= MOSTLY:
        yield f"Of {told.tied:.0%} of the pairs that differ in score it says nothing, as it is the same for both."


def _control(found: str, shuffled: Placebo) -> Iterator[str]:
    where, difference = side(shuffled.difference, 0), shuffled.difference
    if difference.value is None or difference.low is None or difference.error == 0:
        return
    figure = f"{points(difference.value)} {interval(difference, points)}, p = {shuffled.p:.2g}"
    if where == "above" and shuffled.p < ALPHA:
        yield f"It is better than with its weights shuffled among the rollouts of a question ({figure})."
    elif where == "below" and shuffled.p < ALPHA:
        yield f"It is worse than with its weights shuffled among the rollouts of a question ({figure})."
    else:
        yield f"Which rollout has which weight is not shown to matter: against shuffled weights {figure}."
