"""TVGBench: both parsers, overlaps by exact arithmetic, references without length, parts of files, its annotation."""

from __future__ import annotations

import json
import random
import re
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, UsageError
from harness.geometry import Span
from harness.records import Prediction, Record, Response, Sample, Score, View
from harness.settings import configure
from harness.tasks import _demo, _tvgbench_official
from harness.tasks.tvgbench import RECALLS, TVGBench, task

VIEW = View(video="v.mp4", times=(0.0, 5.0), duration=20, width=100, height=100, size=(100, 100), family="qwen2_5_vl")
ROW: dict[str, Any] = {
    "path": "./dataset/timer1/videos/tvgbench_data/X.mp4",
    "question": " a dog jumps.",
    "answer": "2.0-5.5",
    "start": None,
    "end": None,
    "duration": 30.1,
    "question_type": "video temporal grounding",
    "source": "raw.json",
    "qsemtype": "Human Pose",
    "bins": {"videolen": 1, "qcenter": 1, "qlen": 1, "dataset": "charades", "qsemtype": "HP"},
}


def rows(root: Path, *changes: dict[str, Any]) -> Path:
    (root / "tvgbench.json").write_text(json.dumps([ROW | change for change in changes]))
    return root


def sample(**changes: Any) -> Sample:
    told: dict[str, Any] = {"id": "X:0", "item": "X:0", "kind": "when", "video": "v.mp4", "span": Span(2, 6)}
    return Sample(**{"question": "a dog jumps."} | told | changes)


def read(text: str, view: View = VIEW, **options: Any) -> Prediction:
    found: Prediction = TVGBench(**options).read(sample(), view, Response(rollout=0, text=text, finish="stop"))
    return found


# text, what Time-R1's program reads, what we read
SPANS: list[tuple[str, tuple[float, float] | None, tuple[float, float] | None]] = [
    ("<answer>12.54 to 17.83</answer>", (12.54, 17.83), (12.54, 17.83)),
    ("<answer>12.54 to 17.83</answer> or 3 to 4", (3, 4), (12.54, 17.83)),
    ("<think>1 to 2</think><answer>12.54 and 17.83</answer>", (12.54, 17.83), (12.54, 17.83)),
    ("<think>1 to 2</think><answer>none</answer>", (1, 2), None),
    ("<answer>12s to 15s</answer>", None, (12, 15)),
    ("<answer>12.0-15.0</answer>", None, (12, 15)),
    ("<answer>12 TO 15</answer>", None, (12, 15)),
    ("<answer>From <t>12</t>s to <t>15</t>s</answer>", None, (12, 15)),
    ("<answer>12  to 15</answer>", None, (12, 15)),
    ("<answer>01:12 to 01:30</answer>", (12, 1), (72, 90)),
    ("<answer>1,200 to 1,300</answer>", (200, 1), None),
    ("12. to 15.", (12, 15), (12, 15)),
    ("<think>3 to 4</think>12 to 15", (12, 15), (12, 15)),
    ("<think>3 to 4", (3, 4), None),
    ("7 to 3", (7, 3), (7, 3)),
    ("9" * 400 + " to " + "9" * 400, None, None),
    ("", None, None),
]


@pytest.mark.parametrize(("text", "official", "tolerant"), SPANS)
def test_spans(text: str, official: tuple[float, float] | None, tolerant: tuple[float, float] | None) -> None:
    for parser, expected in (("official", official), ("tolerant", tolerant)):
        found = read(text, parser=parser)
        assert found.span == (None if expected is None else Span(*expected)), parser
        assert found.span is not None or found.problems


def test_the_official_reading_is_that_of_the_published_pattern() -> None:
    published = re.compile(r"(\d+\.?\d*) (to|and) (\d+\.?\d*)")
    rng = random.Random(0)
    words = ["1", "2", "34", ".", " ", " to ", " and ", " to", "<answer>", "5.5"]
    found = 0
    for _ in range(4000):
        text = "".join(rng.choices(words, k=rng.randrange(12)))
        matches = published.findall(text)
        expected = Span(float(matches[-1][0]), float(matches[-1][2])) if matches else None
        assert _tvgbench_official.span(text)[0] == expected, text
        found += expected is not None
    assert found > 300


@pytest.mark.parametrize("text", ["1" * 200_000, "1." * 100_000, "1 to " * 50_000, "1 to 1.1" * 30_000])
def test_reading_takes_time_linear_in_the_text(text: str) -> None:
    begun = time.process_time()
    for parser in ("official", "tolerant"):
        read(text, parser=parser)
    assert time.process_time() - begun < 2


def test_overlaps_and_strict_thresholds_by_exact_arithmetic() -> None:
    rng = random.Random(1)
    ties = 0
    for _ in range(3000):
        a, b, c, d = (Fraction(rng.randrange(0, 40), rng.choice((1, 2, 10))) for _ in range(4))
        start, said, meant = Fraction(rng.randrange(0, 50000), 100), sorted((a, b)), sorted((c, d))
        hull, inside = max(said[1], meant[1]) - min(said[0], meant[0]), min(said[1], meant[1]) - max(said[0], meant[0])
        exact = max(inside, Fraction()) / hull if hull else Fraction()
        shown = Span(float(start), float(start) + 50)
        asked = sample(part=shown, span=Span(*map(float, meant)).shift(shown.start))
        view = replace(VIEW, start=shown.start, times=(shown.start,))
        text = f"<answer>{float(said[0])} to {float(said[1])}</answer>"
        values = task.score(asked, read(text, view)).values
        assert values["tiou"] == pytest.approx(float(exact), abs=1e-9)
        for name, threshold in (("r1_03", Fraction(3, 10)), ("r1_05", Fraction(1, 2)), ("r1_07", Fraction(7, 10))):
            assert values[name] == float(exact > threshold), (said, meant)
            ties += exact == threshold
    assert ties > 20


@pytest.mark.parametrize("options", [{}, {"prompt": "official", "parser": "official", "parts": False}])
def test_a_reference_without_length_scores_0_even_for_its_own_answer(options: dict[str, Any]) -> None:
    benchmark = TVGBench(**options)
    for start in (0.0, 90.93):
        asked = sample(span=Span(85.83, 85.83).shift(start), part=Span(start, start + 100))
        view = replace(VIEW, start=start)
        response = Response(rollout=0, text=benchmark.reference(asked, view), finish="stop")
        prediction = benchmark.read(asked, view, response)
        assert prediction.span == asked.span
        assert set(benchmark.score(asked, prediction).values.values()) == {0.0}


@pytest.mark.parametrize("prompt", ["think", "direct", "official"])
@pytest.mark.parametrize("parser", ["tolerant", "official"])
def test_the_reference_scores_one_in_a_part_of_a_file(prompt: str, parser: str) -> None:
    benchmark = TVGBench(prompt=prompt, parser=parser)
    view = replace(VIEW, start=53.05562446378865, times=(53.1,))
    for span in (Span(9.944375536211354, 45.94437553621135), Span(0.0, 0.12), Span(48.06, 48.73)):
        asked = sample(span=span.shift(view.start))
        prediction = benchmark.read(
            asked, view, Response(rollout=0, text=benchmark.reference(asked, view), finish="stop")
        )
        assert prediction.problems == ()
        assert benchmark.score(asked, prediction).values == pytest.approx(
            dict.fromkeys(("tiou", *RECALLS), 1), abs=1e-3
        )


def test_means() -> None:
    values = ((1.0, 1.0, 1.0, 1.0), (0.4, 1.0, 0.0, 0.0))
    names = ("tiou", "r1_03", "r1_05", "r1_07")
    scores = [Score(values=dict(zip(names, each, strict=True))) for each in values]
    records = [Record(task="tvgbench", version=1, sample=sample(), score=score) for score in (*scores, None)]
    assert task.aggregate(records) == {"miou": 0.7, "r1_03": 1.0, "r1_05": 0.5, "r1_07": 0.5}
    assert task.aggregate(records[2:]) == dict.fromkeys(("miou", *names[1:]))
    assert set(task.columns) == set(task.aggregate([]))


def test_a_row_becomes_a_sample(tmp_path: Path) -> None:
    named = ROW["bins"] | {"dataset": "egonlq"}
    part = {"start": 90.5, "end": 120.5, "duration": 30.0, "bins": named, "answer": "7.25-32.75"}
    root = rows(tmp_path, {}, part, part | {"answer": "3-3"}, {"path": "videos/s33-d50.avi"})
    whole, cut, empty, film = task.samples(root)
    assert (whole.id, whole.part, whole.span, whole.question) == ("X:0", None, Span(2, 5.5), "a dog jumps.")
    assert whole.groups == {
        "type": "Human Pose",
        "source": "Charades",
        "reference": "within the video",
        "clip": "whole file",
    }
    assert (cut.id, cut.part, cut.span) == ("X:1", Span(90.5, 120.5), Span(97.75, 123.25))
    assert (cut.groups["source"], cut.groups["reference"]) == ("EgoNLQ", "past its end")
    assert (empty.groups["reference"], empty.groups["clip"]) == ("no length", "part of a file")
    assert film.video == str(root / "tvgbench_data" / "s33-d50.avi")
    as_released = TVGBench(parts=False).samples(root)[1]
    assert (as_released.part, as_released.span) == (None, Span(7.25, 32.75))
    assert as_released.groups == cut.groups and as_released.id == cut.id


def test_videos_are_found_where_they_may_lie(tmp_path: Path) -> None:
    root = rows(tmp_path, {}, {"path": "./a/b/Y.avi"}, {"path": "../../Z.mp4"})
    for place in ("Charades_v1_480/X.mp4", "deep/Y.mp4"):
        (root / place).parent.mkdir()
        (root / place).touch()

    def found() -> list[str]:
        return [str(Path(each.video).relative_to(root)) for each in task.samples(root)]

    assert found() == ["Charades_v1_480/X.mp4", "deep/Y.mp4", "tvgbench_data/Z.mp4"]
    (root / "videos/tvgbench_data").mkdir(parents=True)
    (root / "videos/tvgbench_data/X.mp4").touch()
    assert found()[0] == "videos/tvgbench_data/X.mp4", "not one of that name from another data set"
    (root / "annotations").mkdir()
    (root / "tvgbench.json").rename(root / "annotations/tvgbench.json")
    assert len(found()) == 3


def test_a_video_outside_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data/tvgbench_data").mkdir(parents=True)
    (tmp_path / "secret.mp4").touch()
    (tmp_path / "data/tvgbench_data/X.mp4").symlink_to(tmp_path / "secret.mp4")
    with pytest.raises(DataError, match="a video inside"):
        task.samples(rows(tmp_path / "data", {}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answer": "5.5-2.0"}, "row 1: column 'answer': expected \"start-end\" in seconds, found '5.5-2.0'"),
        ({"answer": "nan-2"}, "column 'answer'"),
        ({"start": 3.0}, "column 'end': expected a finite number, found None"),
        ({"start": 3.0, "end": 2.0}, "column 'start': expected seconds before those of end"),
        ({"duration": 0}, "column 'duration': expected a number above 0"),
        ({"bins": []}, "column 'bins': expected an object"),
        ({"bins": {}}, "no column 'dataset'"),
        ({"path": None}, "column 'path': expected text"),
    ],
)
def test_a_damaged_row_is_one_sentence(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        task.samples(rows(tmp_path, {}, change))


def test_prompts() -> None:
    texts = {name: TVGBench(prompt=name).request(sample(), VIEW).parts[-1] for name in ("think", "direct", "official")}
    asked = "\nThe video is 20.0 seconds long. When does this happen: a dog jumps.\n"
    assert str(texts["think"]).startswith(f"{asked}First think between <think> and </think>")
    assert str(texts["think"]).endswith("Then answer as <answer>From <t>start</t>s to <t>end</t>s</answer>.")
    assert texts["direct"] == f"{asked}Answer as From <t>start</t>s to <t>end</t>s."
    for part in ('"a dog jumps."', '"start time to end time"', "<timestep>", '"12.54 to 17.83"'):
        assert part in str(texts["official"])
    assert TVGBench(prompt="official").request(sample(), VIEW).system == "You are a helpful assistant."


def test_the_official_preset_shows_whole_files() -> None:
    preset = task.preset("official")
    assert configure(task, preset.options) == TVGBench(prompt="official", parser="official", parts=False)
    assert (preset.frames, preset.max_tokens, preset.temperature) == ("smart:2:768", 1024, 0.0)


@pytest.mark.parametrize("option", ["prompt", "parser"])
def test_unknown_options_are_one_sentence(option: str) -> None:
    changes: dict[str, Any] = {option: "x"}
    with pytest.raises(UsageError, match=f"tvgbench has no {option} 'x'; there are: "):
        replace(task, **changes)


def test_the_demo_asks_about_parts_and_its_answers_are_those_of_the_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_demo, "write", lambda clip, path: None)
    task.demo(tmp_path, 48, 3)
    clips = {name: clip for name, _, clip, _ in _demo.clips("tvgbench", 48, 3)}
    found, checked = task.samples(tmp_path), 0
    assert len({each.video for each in found}) == 48 and len({each.groups["type"] for each in found}) >= 4
    assert {each.groups["clip"] for each in found} == {"whole file", "part of a file"}
    assert {each.groups["reference"] for each in found} == {"within the video"}
    for each in found:
        for thing in clips[Path(each.video).stem].things:
            if each.question == f"the {thing.name} is visible":
                part = each.part or thing.span
                assert each.span == Span(max(part.start, thing.span.start), min(part.end, thing.span.end))
                checked += each.part is not None
    assert checked >= 8
