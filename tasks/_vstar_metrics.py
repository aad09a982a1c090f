"""How V-STaR scores a sample and sums up many (arXiv 2503.11495, Sec. 4.2).

The "what" answer is judged by exact match after normalisation (lower case, no articles, no punctuation), which suits
short closed answers; the published figures come from a model judge and are comparable in `acc`, AM and LGM only with
those of `harness judge`. The released code has the judge rate 0-3 and takes 2 and 3 as right, which is what we do; the
paper also speaks of a scale of 0-4 and of ratings above 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness import metrics
from harness.records import Prediction, Record, Sample, Score

JUDGE_RULE = (
    "a rating of 2 or 3 of 0-3 is right, as in V-STaR's released code (its paper also says 0-4, and above 2); "
    "an abstention is wrong; figures without a judge's name are by exact match"
)
RECALL_AT = (0.3, 0.5, 0.7)
AP_AT = (0.1, 0.3, 0.5, 0.7, 0.9)
RIGHT = 2
"""The judge's rating from which an answer is right."""
COMPONENTS = ("acc", "tiou_1", "viou_1", "tiou_2", "viou_2")
JOINT_TIOU, JOINT_VIOU = 0.3, 0.1
"""From where "when" and "where" count as right in the joint rates."""
PARTS = {
    "what_when": ("what", "when"),
    "what_where": ("what", "where"),
    "when_where": ("when", "where"),
    "all": ("what", "when", "where"),
}


def score(sample: Sample, prediction: Prediction) -> Score:
    """The metrics of one sample: acc, or tiou and r1_*, or viou and ap_*; an abstention scores 0."""
    if sample.kind == "what":
        return Score(values={"acc": metrics.exact_match(prediction.answer, sample.answer or "")})
    if sample.kind.startswith("when"):
        if sample.span is None:
            return Score(values={}, reason="no reference span")
        tiou = metrics.tiou(prediction.span, sample.span)
        return Score(values={"tiou": tiou} | {f"r1_{_at(m)}": metrics.recall_at(tiou, m) for m in RECALL_AT})
    ious = metrics.box_ious(prediction.boxes, sample.boxes)
    found = {f"ap_{_at(m)}": metrics.mean(metrics.recall_at(iou, m) for iou in ious) for m in AP_AT}
    reason = None if sample.boxes else "no reference boxes"
    return Score(values={"viou": metrics.mean(ious)} | found, reason=reason)


def _at(threshold: float) -> str:
    return f"{threshold:.1f}".replace(".", "")


def aggregate(records: Sequence[Record]) -> dict[str, float | None]:
    """Means of both chains, their AM and LGM, and the joint rates."""
    values = {(r.sample.item, r.sample.kind): r.score.values for r in records if r.score is not None}
    result: dict[str, float | None] = {"acc": _mean(values, "what", "acc")}
    for chain in "12":
        for name in ("tiou", *(f"r1_{_at(m)}" for m in RECALL_AT)):
            result[f"{name}_{chain}"] = _mean(values, f"when_{chain}", name)
        for name in ("viou", *(f"ap_{_at(m)}" for m in AP_AT)):
            result[f"{name}_{chain}"] = _mean(values, f"where_{chain}", name)
    result |= chain_summary(*(result[k] for k in COMPONENTS))
    for chain in "12":
        result |= {f"joint_{name}_{chain}": rate for name, rate in _joint(values, chain).items()}
    return result | _ratings(v for (_, kind), v in values.items() if kind == "what" and "rating" in v)


def _ratings(found: Iterable[Mapping[str, float | None]]) -> dict[str, float | None]:
    """The judge's mean rating, 0-3, of the answers that it rated, and of all with 0 for the others."""
    ratings = [values["rating"] for values in found]
    if not ratings:
        return {}
    return {"rating": metrics.mean(ratings), "rating_all": metrics.mean(rating or 0.0 for rating in ratings)}


def judged(rating: float | None) -> dict[str, float | None]:
    """The metrics of a "what" answer that a judge rated 0-3; None is an answer of the judge that is no number.

    >>> judged(2), judged(None)
    ({'rating': 2, 'acc': 1.0}, {'rating': None, 'acc': None})
    """
    return {"rating": rating, "acc": None if rating is None else float(rating >= RIGHT)}


def kept(records: Sequence[Record]) -> list[Record]:
    """The records that the published programs score: those of the items with an answer to "what"."""
    found = {
        r.sample.item for r in records if r.sample.kind == "what" and r.score and not (r.vote and not r.vote.answer)
    }
    return [record for record in records if record.sample.item in found]


def over_all(found: Mapping[str, float | None], records: Sequence[Record]) -> dict[str, float | None]:
    """The sums of the items kept, but with accuracy and joint rates as shares of all items."""
    items, scored = ({r.sample.item for r in part} for part in (records, kept(records)))
    shares = {
        name: value * len(scored) / len(items)
        for name, value in found.items()
        if value is not None and (name == "acc" or name.startswith("joint_"))
    }
    result = {**found, **shares}
    return result | chain_summary(*(result[k] for k in COMPONENTS))


Values = Mapping[tuple[str, str], Mapping[str, float | None]]


def _mean(values: Values, kind: str, name: str) -> float | None:
    return metrics.mean(v.get(name) for (_, k), v in values.items() if k == kind)


def chain_summary(
    acc: float | None, tiou_1: float | None, viou_1: float | None, tiou_2: float | None, viou_2: float | None
) -> dict[str, float | None]:
    """AM and LGM of both chains, which share the accuracy, and their means; None where a part is missing.

    >>> found = chain_summary(0.6078, 0.1667, 0.0647, 0.1282, 0.0301)
    >>> round(found["mam"], 4), round(found["mlgm"], 4)
    (0.2676, 0.3815)
    """
    result: dict[str, float | None] = {}
    for chain, tiou, viou in (("1", tiou_1, viou_1), ("2", tiou_2, viou_2)):
        parts = [v for v in (acc, tiou, viou) if v is not None]
        result[f"am_{chain}"] = metrics.arithmetic_mean(*parts) if len(parts) == 3 else None
        result[f"lgm_{chain}"] = metrics.log_geometric_mean(*parts) if len(parts) == 3 else None
    for name in ("am", "lgm"):
        one, two = result[f"{name}_1"], result[f"{name}_2"]
        result[f"m{name}"] = None if one is None or two is None else (one + two) / 2
    return result


def _joint(values: Values, chain: str) -> dict[str, float | None]:
    """Share of items with all of several parts right, among the items that have all of those parts."""
    limits = (("what", "what", "acc", 1.0), ("when", f"when_{chain}", "tiou", JOINT_TIOU))
    right: dict[str, dict[str, bool]] = {}
    for part, kind, name, limit in (*limits, ("where", f"where_{chain}", "viou", JOINT_VIOU)):
        for (item, k), found in values.items():
            value = found.get(name)
            if k == kind and value is not None:
                right.setdefault(item, {})[part] = value >= limit
    return {
        name: metrics.mean(float(all(item[p] for p in parts)) for item in right.values() if item.keys() >= set(parts))
        for name, parts in PARTS.items()
    }
