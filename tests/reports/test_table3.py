"""Table 3 of the paper comes out of run folders: its figures, the means of seeds, and tests as brute force has them."""

from __future__ import annotations

import importlib
import itertools
import json
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.codec import encode
from harness.contracts import Finished, Sheet
from harness.errors import UsageError
from harness.records import Record, Sample, Score
from harness.reports import sheets
from harness.tasks.vstar import VStar

table3 = importlib.import_module("harness.reports.table3")
KINDS = {"what": "acc", "when_1": "tiou", "when_2": "tiou", "where_1": "viou", "where_2": "viou"}
HEADINGS = ("What Acc", "When tIoU c1", "When tIoU c2", "Where vIoU c1", "Where vIoU c2", "mAM", "mLGM")
Items = Mapping[str, Sequence[float | None]]


def record(item: str, kind: str, value: float | None, video: str, question: str) -> Record:
    sample = Sample(id=f"{item}/{kind}", item=item, kind=kind, video=video, question=question)
    score = None if value is None else Score(values={KINDS[kind]: value})
    return Record(task="vstar", version=2, sample=sample, score=score)


def run(folder: Path, items: Items, question: str = "?") -> Finished:
    """A run folder with an item's five scores in the order of KINDS; two items a video."""
    folder.mkdir(parents=True)
    records = [
        record(item, kind, value, f"/data/{folder.parent.name}/{int(item) // 2}.mp4", question)
        for item, values in items.items()
        for kind, value in zip(KINDS, values, strict=True)
    ]
    (folder / "records.jsonl").write_text("".join(json.dumps(encode(each)) + "\n" for each in records))
    scores = {"tasks": {"vstar": {"evaluated": VStar().aggregate(records)}}}
    return Finished(folder=folder, run={}, scores=scores)


def drawn(seed: int, number: int = 8, bias: float = 0.0) -> dict[str, list[float | None]]:
    rng = random.Random(seed)
    return {
        str(n): [float(rng.random() < 0.5 + bias), *(min(1.0, rng.random() * 0.6 + bias) for _ in range(4))]
        for n in range(number)
    }


def means(items: Items) -> list[float]:
    """The seven columns by the words of arXiv 2503.11495, Sec. 4.2."""
    acc, t1, t2, v1, v2 = (sum(column) / len(items) for column in zip(*items.values(), strict=True))
    am = ((acc + t1 + v1) / 3 + (acc + t2 + v2) / 3) / 2
    lgm = [-(math.log(1 - acc) + math.log(1 - t) + math.log(1 - v)) / 3 for t, v in ((t1, v1), (t2, v2))]
    return [acc, t1, t2, v1, v2, am, sum(lgm) / 2]


def cells(sheet: Sheet, *names: str) -> dict[str, Any]:
    (row,) = (row for row in sheet.rows if row[: len(names)] == names)
    return dict(zip(sheet.head, row, strict=True))


def test_the_columns_are_those_of_the_paper(tmp_path: Path) -> None:
    items = drawn(1)
    main, _ = table3.report([run(tmp_path / "base", items)])
    assert main.head == ("run", *HEADINGS)
    assert main.rows == (("base", *(pytest.approx(value) for value in means(items))),)
    published = {
        "acc": 0.61,
        "tiou_1": 0.245,
        "tiou_2": 0.24,
        "viou_1": 0.254,
        "viou_2": 0.06,
        "mam": 0.337,
        "mlgm": 0.466,
    }
    told = Finished(folder=tmp_path / "base", run={}, scores={"tasks": {"vstar": {"evaluated": published}}})
    found = sheets.markdown([table3.report([told])[0]])
    assert "| base | 61.0 | 24.5 | 24.0 | 25.4 | 6.0 | 33.7 | 46.6 |" in found


def test_seeds_are_one_row_with_their_mean_and_range(tmp_path: Path) -> None:
    one, two, base = drawn(1), drawn(2), drawn(3)
    runs = [run(tmp_path / "base", base)]
    runs += [run(tmp_path / f"gspo-s{n}" / "runs" / "final", items) for n, items in enumerate((one, two))]
    main, sure, tests = table3.report(runs)
    assert [row[:2] for row in main.rows] == [("base", "1"), ("gspo", "2")]
    both = [(a + b) / 2 for a, b in zip(means(one), means(two), strict=True)]
    assert main.rows[1][2:] == tuple(pytest.approx(value) for value in both)
    assert "gspo: mean of gspo-s0, gspo-s1" in main.notes
    low, high = sorted((means(one)[5], means(two)[5]))
    assert cells(sure, "gspo", "seeds")["mAM"] == f"{100 * low:.1f} to {100 * high:.1f}"
    assert cells(tests, "gspo", "base")["mAM"].startswith(f"{100 * (both[5] - means(base)[5]):+.1f} [")


def flip(one: Items, other: Items, column: int) -> float:
    """The p of all sign-flips of whole videos, as it is defined."""
    videos = [0.0] * (len(one) // 2)
    for item, before in one.items():
        change = [b - a for a, b in zip(before, other[item], strict=True)]  # type: ignore[operator]
        mam = (change[0] + (change[1] + change[2] + change[3] + change[4]) / 2) / 3
        videos[int(item) // 2] += [*change, mam][column]
    sums = [abs(sum(s * v for s, v in zip(signs, videos, strict=True))) for signs in _signs(len(videos))]
    return sum(value >= abs(sum(videos)) - 1e-9 for value in sums) / len(sums)


def _signs(number: int) -> list[tuple[int, ...]]:
    return [*itertools.product((1, -1), repeat=number)]


def test_each_row_is_tested_against_the_one_above_and_the_last(tmp_path: Path) -> None:
    found = {name: drawn(seed, bias=bias) for name, seed, bias in (("base", 1, 0), ("sft", 2, 0.1), ("gspo", 3, 0.3))}
    *_, tests = table3.report([run(tmp_path / name, items) for name, items in found.items()])
    assert [row[:3] for row in tests.rows] == [("sft", "base", "8"), ("gspo", "sft", "8"), ("gspo", "base", "8")]
    for after, before, *_ in tests.rows:
        told = cells(tests, after, before)
        for place, heading in enumerate(HEADINGS[:-1]):
            difference = means(found[after])[place] - means(found[before])[place]
            assert told[heading].startswith(f"{100 * difference:+.1f} [")
            p = flip(found[before], found[after], place)
            assert told[heading].endswith(f"p {p:.3f}")
        assert told["mLGM"].startswith(f"{100 * (means(found[after])[6] - means(found[before])[6]):+.1f} [")
    first = [flip(found[b], found[a], 5) for a, b, *_ in tests.rows]
    adjusted = [max(p * (3 - rank) for rank, p in enumerate(sorted(first)) if p <= own) for own in first]
    assert [row[-1] for row in tests.rows] == [f"{min(1.0, value):.3f}" for value in adjusted]


def test_the_interval_of_a_mean_is_that_of_videos(tmp_path: Path) -> None:
    """Student's t over the two means a video, which for videos of equal size is the clustered interval."""
    items = drawn(5)
    _, sure = table3.report([run(tmp_path / "base", items)])
    pairs = [(items[str(2 * n)][1] + items[str(2 * n + 1)][1]) / 2 for n in range(4)]  # type: ignore[operator]
    middle = sum(pairs) / 4
    error = math.sqrt(sum((each - middle) ** 2 for each in pairs) / 3 / 4)
    low, high = (100 * (middle + sign * 3.182446 * error) for sign in (-1, 1))
    assert cells(sure, "base")["When tIoU c1"] == f"[{low:.1f}, {high:.1f}]"
    low, high = map(float, cells(sure, "base")["mLGM"][1:-1].split(", "))
    assert low < 100 * means(items)[6] < high


def test_items_without_a_score_are_left_out_of_the_tests_and_told(tmp_path: Path) -> None:
    one, other = drawn(1), drawn(2)
    other["3"][2] = None
    *_, tests = table3.report([run(tmp_path / "a", one), run(tmp_path / "b", other)])
    assert cells(tests, "b", "a")["items"] == "7"
    assert "b against a: 1 items that only one of them has are left out" in tests.notes


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    one = run(tmp_path / "a", drawn(1))
    with pytest.raises(UsageError, match="b and a: the item 0 is not the same question"):
        table3.report([one, run(tmp_path / "b", drawn(2), "Another?")])
    with pytest.raises(UsageError, match="is no run of vstar"):
        table3.report([Finished(folder=tmp_path / "x", run={}, scores={"tasks": {"star": {}}})])
    with pytest.raises(UsageError, match="two of the runs are named a"):
        table3.report([one, run(tmp_path / "elsewhere" / "a", drawn(1))])


def test_a_run_in_which_nothing_was_scored_has_dashes(tmp_path: Path) -> None:
    nothing = {item: [None] * 5 for item in drawn(1)}
    *_, tests = found = table3.report([run(tmp_path / "a", drawn(1)), run(tmp_path / "b", nothing)])
    assert found[0].rows[1][1:] == (None,) * 7
    assert cells(tests, "b", "a")["mAM"] == "- - p 1.000"
