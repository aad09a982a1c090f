"""Mixes: recipes read with care, filters against plain arithmetic, draws that do not depend on the order of a file."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError, UsageError
from harness.shapes import clip, render
from harness.training import durations, filters, mix, mixfile, rows
from harness.training.cases import Cases
from harness.training.mixfile import Mix, Part
from harness.training.rows import Row
from harness.video import probe

PART = Part(name="all", sources=("*",), rows=("a.json",), count=5)
RECIPE = Mix(name="mine", seed=1, parts=(PART,))
TEXT = """
seed: 3
rows: a.json
parts:
  when: {sources: [TVG_*], count: all, keep: {span_at_most: 0.5, reasoning_below: 10}}
  what: {sources: other, count: 2}
"""


def _row(
    number: int | str, source: str = "TVG_x", start: float = 0, end: float = 1, reasoning: str | None = None
) -> Row:
    return Row(
        id=number,
        source=source,
        task=rows.TEMPORAL,
        question="When?",
        answer=f"[{start}, {end}]",
        reasoning=reasoning,
        video=f"{number}.mp4",
    )


def _ids(pool: list[Row], recipe: Mix = RECIPE) -> list[Any]:
    return [row.id for row in mix.draw(recipe, recipe.parts[0], pool, None)[0]]


@pytest.mark.parametrize(
    ("name", "total", "shares"),
    [
        ("mix-sft", 29998, {"temporal": 13.7, "spatial": 16.7, "general": 50.0}),
        ("mix-rl", 36063, {"spatial": 13.9, "general": 41.7}),
    ],
)
def test_the_recipes_that_ship_have_the_shares_of_the_paper(name: str, total: int, shares: dict[str, float]) -> None:
    counts = {part.name: part.count or 0 for part in mixfile.read(name).parts}
    assert sum(counts.values()) == total
    for part, share in shares.items():
        assert 100 * counts[part] / total == pytest.approx(share, abs=0.12)


@pytest.mark.parametrize("count", [0, 5000, 30000])
def test_the_ablation_of_general_questions_is_one_change(count: int) -> None:
    made = mixfile.read("mix-sft", [f"parts.general.count={count}", "share=0.5"])
    assert (made.parts[-1].count, made.share) == (count, 0.5)
    assert made.parts[:-1] == mixfile.read("mix-sft").parts[:-1]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("seed: 3", "sead: 3", "has no seed"),
        ("seed: 3", "seed: 3\nshares: 1", "there is no 'shares'; did you mean 'share'"),
        ("seed: 3", "seed: x", "seed must be a whole number, not 'x'"),
        ("seed: 3", "seed: 3\nshare: 2", "share must be above 0 and at most 1, not 2"),
        ("rows: a.json", "", "part when: rows must be files below the data folder, not None"),
        ("count: 2", "counts: 2", "part what has no count"),
        ("count: 2", "count: -2", "part what: count must be a whole number or all, not -2"),
        ("count: 2", "count: 2, keeps: {}", "part what: there is no 'keeps'; did you mean 'keep'"),
        ("span_at_most", "span_most", "part when, keep: there is no 'span_most'; did you mean 'span_at_most'"),
        ("0.5", "half", "keep: span_at_most must be a number, 0 or more, not 'half'"),
        ("[TVG_*]", "[]", "sources must be patterns of sources"),
        ("parts:", "parts: {", "is not YAML"),
        ("parts:", "parts: !!python/object:os.system", "is not YAML"),
        (TEXT, "- 1", "is not a recipe: expected the keys seed, rows and parts"),
        ("what: {sources: other, count: 2}", "what: 3", "part what must have the keys sources and count"),
    ],
)
def test_a_recipe_that_is_none_is_told_in_a_sentence(before: str, after: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(TEXT)
    assert [part.count for part in mixfile.read(str(path)).parts] == [None, 2]
    path.write_text(TEXT.replace(before, after))
    with pytest.raises(DataError) as error:
        mixfile.read(str(path))
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("parts.genral.count=1", "there is no 'genral'; did you mean 'general'"),
        ("seed", "cannot be read; write it as"),
        ("parts.general.count.x=1", "cannot be read; write it as"),
        ("parts.general.count.x.y=1", "there is no 'x'"),
    ],
)
def test_a_change_that_cannot_be_made_is_told(change: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        mixfile.read("mix-sft", [change])
    with pytest.raises(UsageError, match="there is no recipe mix-stf; give a file, or one of: mix-rl, mix-sft"):
        mixfile.read("mix-stf")


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "reasoning_below": st.integers(0, 8),
        "span_below": st.sampled_from([0.25, 0.5, 0.7]),
        "span_at_most": st.sampled_from([0.25, 0.5, 0.7]),
        "seconds_at_least": st.integers(0, 12),
        "seconds_at_most": st.integers(0, 12),
    },
)


@settings(deadline=None)
@given(
    LIMITS,
    st.integers(0, 10),
    st.integers(0, 10),
    st.none() | st.text("ab", max_size=10),
    st.none() | st.integers(1, 12),
)
def test_filters_are_plain_arithmetic(
    limits: Mapping[str, float], start: int, end: int, reasoning: str | None, seconds: int | None
) -> None:
    stays = reasoning is None or "reasoning_below" not in limits or len(reasoning) < limits["reasoning_below"]
    if seconds is None:
        stays &= set(limits) <= {"reasoning_below"}
    else:
        part = (end - start) / seconds
        stays &= part < limits.get("span_below", 99) and part <= limits.get("span_at_most", 99)
        stays &= limits.get("seconds_at_least", 0) <= seconds <= limits.get("seconds_at_most", 99)
    assert (filters.drops(_row(1, "x", start, end, reasoning), seconds, limits) is None) == stays


def test_a_row_without_a_span_or_a_video_is_none_of_a_filters_business() -> None:
    general = replace(_row(1), task=rows.OPEN)
    image = replace(general, task=rows.VISUAL, video=None, image="x.png")
    assert filters.applying(general, {"span_below": 0.1, "seconds_at_most": 9}) == {"seconds_at_most": 9}
    assert filters.applying(image, {"span_below": 0.1, "seconds_at_most": 9}) == {}
    assert filters.drops(image, None, {"seconds_at_most": 9}) is None


@given(st.sets(st.integers(0, 999) | st.text(max_size=4), max_size=30), st.integers(0, 40), st.randoms())
def test_a_draw_is_the_same_in_any_order_and_nested(ids: set[int | str], count: int, rng: random.Random) -> None:
    pool = [_row(each, rng.choice("ab")) for each in sorted(ids, key=str)]
    shuffled = rng.sample(pool, len(pool))
    fewer = replace(RECIPE, parts=(replace(PART, count=count),))
    more = replace(RECIPE, parts=(replace(PART, count=count + 7),))
    assert _ids(pool, fewer) == _ids(shuffled, fewer) == _ids(shuffled, more)[:count]
    assert len(_ids(pool, fewer)) == min(count, len(pool))


def test_a_draw_is_even_and_another_with_another_seed() -> None:
    pool = [_row(number) for number in range(2000)]
    half = replace(RECIPE, parts=(replace(PART, count=1000),))
    first, second = (set(_ids(pool, replace(half, seed=seed))) for seed in (1, 2))
    assert 430 < len(first & second) < 570
    assert 430 < len([number for number in first if number < 1000]) < 570


def test_rows_that_share_an_id_are_drawn_the_same_in_any_order() -> None:
    pool = [_row(1, end=end) for end in range(1, 20)]
    drawn = [mix.draw(RECIPE, PART, each, None)[0] for each in (pool, pool[::-1])]
    assert drawn[0] == drawn[1]


def test_rows_in_two_files_are_taken_once_and_that_is_told() -> None:
    pool, notes = [_row(number) for number in range(9)], Counter[str]()
    part = replace(PART, rows=("a.json", "b.json"))
    claimed, left = mix.claims([part], {"a.json": pool[:6], "b.json": pool[3:]}, notes)
    assert (claimed, left) == ({"all": pool}, {})
    assert notes == {"rows that say what another one says, left out": 3}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Two videos, three that are none, and rows about them."""
    folder = tmp_path / "videos/tvg_r1"
    folder.mkdir(parents=True)
    for number in range(2):
        render.write(replace(clip.make(number), duration=2 + number), folder / f"{number}.mp4")
    (folder / "2.mp4").write_bytes(b"none")
    pool = [_row(number, end=1.2, reasoning="so") for number in range(5)]
    rows.write([*pool, _row(9, "other"), _row(8, "third")], tmp_path / "a.json")
    (tmp_path / "r.yaml").write_text(TEXT)
    return tmp_path


def test_the_command_draws_and_says_what_became_of_all_rows(world: Path, harness: Callable[..., Any]) -> None:
    command = "data", "stgr", "mix", "--recipe", world / "r.yaml", "--data", world, "--out", world / "m.json"
    said = harness(*command)
    assert said.code == 0
    report = json.loads((world / "m.report.json").read_text())
    seconds = {n: probe(str(world / f"videos/tvg_r1/{n}.mp4")).duration for n in range(2)}
    dropped = sum(1.2 / value > 0.5 for value in seconds.values())
    when = report["parts"]["when"]
    assert dropped == 1
    assert when["dropped"] == {filters.UNKNOWN: 3, "span of more than 50 % of the video": 1}
    assert (when["found"], when["drawn"], when["short"], when["sources"]) == (5, 1, 0, {"TVG_x": 1})
    assert (report["parts"]["what"]["short"], report["left"]) == (1, {"third": 1})
    assert report["notes"] == {"videos that are missing": 2, "videos that cannot be read": 1}
    assert {row.id for row in rows.read(world / "m.json")} == {1, 9}
    assert "what: 1 rows SHORT of 2" in said.out
    assert "--no-durations leaves out" in said.out
    assert "third: its 1 rows are in no part" in said.out
    again = harness(*command)
    assert (again.code, "m.json or its report is there already" in again.err) == (2, True)


def test_lengths_are_kept_and_videos_opened_once(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, pool = world / "lengths.jsonl", [_row(number) for number in range(2)]
    first = durations.measure(world, pool[:1], kept, Cases())
    with kept.open("a") as file:
        file.write('{"video": "tvg_r1/1.mp4", "sec')
    assert durations.measure(world, pool, kept, Cases()).keys() == {("TVG_x", "0.mp4"), ("TVG_x", "1.mp4")}
    assert durations.read(kept)["tvg_r1/0.mp4"] == first["TVG_x", "0.mp4"] == pytest.approx(2.0, abs=0.3)
    monkeypatch.setattr(durations, "_probed", lambda *args: pytest.fail("a video is opened again"))
    assert len(durations.measure(world, pool, kept, Cases())) == 2


def test_without_lengths_the_filters_that_need_them_are_not_asked_and_that_is_said(
    world: Path, harness: Callable[..., Any]
) -> None:
    command = "data", "stgr", "mix", "--recipe", world / "r.yaml", "--data", world, "--no-durations"
    said = harness(*command, "--out", world / "m.json", "--set", "parts.what.count=1", "--set", "share=0.4")
    assert said.code == 0
    assert "when: span_at_most was not asked about 5 rows" in said.out
    assert len(rows.read(world / "m.json")) == 2
    none = harness(
        *command, "--out", world / "n.json", "--set", "parts.when.sources=[x]", "--set", "parts.what.count=0"
    )
    assert (none.code, "leaves no row of a.json" in none.err) == (2, True)
    both = harness(*command, "--out", world / "n.json", "--set", "parts.when.sources=[o*]")
    assert (both.code, "the parts when and what both have the rows of other" in both.err) == (2, True)
    nowhere = harness(*command, "--out", world / "no/n.json")
    assert (nowhere.code, "there is no folder" in nowhere.err) == (2, True)
    here = harness(*command, "--out", ".")
    assert (here.code, "is there already" in here.err) == (2, True)
    kept = harness(*command[:-1], "--out", world / "n.json", "--durations", world)
    assert (kept.code, "where the lengths of videos are kept: Is a directory" in kept.err) == (2, True)
