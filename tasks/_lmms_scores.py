"""What lmms-eval's scorers say, as JSON and as fractions."""

from __future__ import annotations

import inspect
import json
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from harness.errors import DataError

from ._lmms_tasks import Spec, call, surroundings

ANSWERS = (
    "pred_answer",
    "parsed_pred",
    "pred_ans",
    "parsed_answer",
    "extracted_answer",
    "predicted_answer",
    "prediction",
    "pred",
)
"""Where the scorers of its tasks keep the answer as they read it; there is no one name."""
SCORES = ("score", "correct", "is_correct", "acc", "accuracy")
"""Where they keep what it is worth."""


def written(spec: Spec, results: Mapping[str, Any]) -> str:
    """The metrics among the results of a scorer as JSON; DataError when there are none, or none that JSON has."""
    known = {name: results[name] for name in spec.metrics if name in results}
    if not known:
        raise DataError(f"the scorer of lmms-eval's {spec.name} gave {', '.join(map(str, results)) or 'nothing'}")
    try:
        return json.dumps(known, default=_plain)
    except (TypeError, ValueError) as error:
        raise DataError(f"the results of lmms-eval's {spec.name} cannot be kept as JSON: {error}") from error


def answer(results: Mapping[str, Any], text: str) -> str | None:
    """The answer as the scorer read it; None where it does not say, or says no more than the text."""
    for value in results.values():
        for key in ANSWERS:
            if isinstance(value, Mapping) and isinstance(value.get(key), (str, int, float)):
                found = str(value[key]).strip()
                return None if found == text.strip() else found
    return None


def fraction(value: float) -> float:
    """A metric as a fraction. Nothing says which are per cent: what is above 1 is taken for it.

    >>> fraction(63.89), fraction(0.5), fraction(1)
    (0.6389, 0.5, 1)
    """
    return value / 100 if abs(value) > 1 else value


def number(spec: Spec, metric: str, result: Any) -> float | None:
    """What one document is worth in a metric: its own number, else what the aggregation makes of it alone."""
    found = result
    if isinstance(result, Mapping):
        found = next((result[key] for key in SCORES if isinstance(result.get(key), (bool, int, float))), None)
    if isinstance(found, (bool, int, float)):
        return fraction(float(found))
    alone = total(spec, metric, [json.dumps(result)])
    return None if alone is None else fraction(alone)


def summed(spec: Spec, metric: str, results: Sequence[str]) -> float | None:
    """The task's own aggregation of results in JSON, as a fraction; None where it gives no number.

    Whether it is per cent is seen from the whole and from the result that is worth most by itself.
    """
    whole = total(spec, metric, results)
    if whole is None or not -1 <= whole <= 1:
        return None if whole is None else whole / 100
    best = max(results, key=lambda result: (number(spec, metric, json.loads(result)) or 0, result))
    alone = total(spec, metric, [best])
    return whole / 100 if alone is not None and alone > 1 else whole


def total(spec: Spec, metric: str, results: Sequence[str]) -> float | None:
    """What the aggregation of a metric gives; None where that is no number, or it cannot sum these up."""
    return _total(spec, metric, tuple(results))


@lru_cache(maxsize=4096)
def _total(spec: Spec, metric: str, results: tuple[str, ...]) -> float | None:
    sums = spec.metrics[metric]
    with tempfile.TemporaryDirectory() as folder, surroundings():
        takes = "args" in inspect.signature(sums).parameters
        named = {"args": SimpleNamespace(output_path=folder)} if takes else {}
        try:
            found = call(f"summing up {metric}", sums, [json.loads(result) for result in results], **named)
        except DataError:
            return None
    found = getattr(found, "item", lambda: found)()
    return float(found) if isinstance(found, (bool, int, float)) else None


def unlettered(options: Iterable[str]) -> list[str]:
    """Options less their letters, where all of them have one.

    >>> unlettered(["A. pear", "(B) plum"]), unlettered(["A pear", "B. plum"])
    (['pear', 'plum'], ['A pear', 'B. plum'])
    """
    texts = list(options)
    found = [re.match(rf"\(?{letter}[.):]+\s*", text) for letter, text in zip("ABCDEFGHIJKLMNOP", texts, strict=False)]
    if len(found) < len(texts) or not all(found):
        return texts
    return [text[match.end() :] for text, match in zip(texts, found, strict=True) if match]


def _plain(value: Any) -> Any:
    for name in ("item", "tolist"):
        if hasattr(value, name) and not (name == "item" and getattr(value, "size", 1) != 1):
            return getattr(value, name)()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__} is no JSON")
