"""Long sequences in a temporary file: the same items as a list would have, in memory that does not grow."""

from __future__ import annotations

import errno
import random
import tracemalloc
from types import MappingProxyType
from typing import Any

import pytest

from harness.errors import DataError
from harness.geometry import Box, Span
from harness.records import Evidence, Sample
from harness.spool import IN_MEMORY, Spool


def sample(number: int, **more: Any) -> Sample:
    plain: dict[str, Any] = {"kind": "what", "video": f"{number % 7}.mp4", "question": "?"}
    return Sample(id=f"s{number}", item=f"i{number // 3}", **plain | more)


def test_it_is_the_sequence_that_was_put_in() -> None:
    items = [sample(k, question="x" * random.Random(k).randrange(5000)) for k in range(1000)]
    spool = Spool(Sample, items)
    assert len(spool) == 1000 and list(spool) == items and list(spool) == items
    assert spool[3] == items[3] and spool[-1] == items[-1] and list(spool[10:20:3]) == items[10:20:3]
    assert list(reversed(spool)) == items[::-1]
    with pytest.raises(IndexError):
        spool[1000]
    spool.append(items[0])
    assert spool[1000] == items[0] and spool[5] == items[5]


def test_a_choice_of_it_and_what_is_made_of_that() -> None:
    spool = Spool(Sample, map(sample, range(10)))
    chosen = spool.at([7, 2, 2])
    assert [each.id for each in chosen] == ["s7", "s2", "s2"] and len(chosen) == 3
    assert list(chosen.map(lambda each: each.id).at([2, 0])) == ["s2", "s7"]


@pytest.mark.parametrize(
    "odd",
    [
        sample(0, question="half \ud800 of a pair"),
        sample(0, groups=MappingProxyType({"b": "1", "a": "2"})),
        sample(0, boxes={0.1: Box(1 / 3, 0, 1e-300, 2)}, span=Span(0.1, 1e22)),
        sample(0, evidence=(Evidence(label="é", time=None, box=None),), options=("", "\0"), context="\u2028"),
    ],
)
def test_odd_items_come_back_as_they_were(odd: Sample) -> None:
    (found,) = Spool(Sample, [odd])
    assert found == odd and list(found.groups) == list(odd.groups)


def test_memory_does_not_grow_with_it() -> None:
    text = "x" * 10_000
    tracemalloc.start()
    spool = Spool(Sample, (sample(k, question=f"{text}{k}") for k in range(2000)))
    assert sum(len(each.question) > 0 for each in spool) == 2000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 * IN_MEMORY < 2000 * len(text)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(Sample, [])

    class Full:
        def write(self, line: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spool, "_file", Full())
    with pytest.raises(DataError, match="No space left on device; make room, or set TMPDIR"):
        spool.append(sample(1))
