"""The p of tests of which there are many: adjusted, so that some are not found by chance.

Holm's for what was to be tested from the start: the chance of any false finding. Benjamini and Hochberg's for looking
around: the share of false findings among all.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def holm(p_values: Mapping[K, float]) -> dict[K, float]:
    """The p of each test adjusted for there being several. Source: Holm, Scand. J. Stat. 6 (1979) 65.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    found, largest = dict(p_values), 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        found[name] = largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
    return found


def benjamini_hochberg(p_values: Mapping[K, float]) -> dict[K, float]:
    """The p of each test adjusted so that of those below a level at most that share is false, on average.

    Source: Benjamini and Hochberg, J. R. Stat. Soc. B 57 (1995) 289; adjusted as by Yekutieli and Benjamini, J. Stat.
    Plan. Inference 82 (1999) 171. It holds for tests that are independent or depend positively.

    >>> benjamini_hochberg({"a": 0.01, "b": 0.02, "c": 0.5})
    {'a': 0.03, 'b': 0.03, 'c': 0.5}
    """
    found, least = dict(p_values), 1.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: -p_values[name])):
        found[name] = least = min(least, len(p_values) / (len(p_values) - rank) * p_values[name])
    return found
