"""Imported result files: against the figures that the published evaluators print, and by hand."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, UsageError
from harness.geometry import Box, Span
from harness.records import Record
from harness.tasks import _released, _vstar_official
from harness.tasks.shapes import task as shapes
from harness.tasks.videomme import VideoMME
from harness.tasks.vstar import VStar

DATA = Path(__file__).parent / "data"
MADE = runpy.run_path(str(DATA / "vstar_results.py"))
PRINTED: Mapping[str, Mapping[str, Mapping[str, Any]]] = json.loads((DATA / "vstar_printed.json").read_text())
PARTS = {"what": ("acc", 1.0), "when": ("tiou", 0.3), "where": ("viou", 0.1)}
results: Callable[[], list[dict[str, Any]]] = MADE["results"]


def write(folder: Path, rows: Any, name: str = "results.json") -> Path:
    path = folder / name
    path.write_text(rows if isinstance(rows, str) else json.dumps(rows), encoding="utf-8")
    return path


def imported(folder: Path, rows: Any, **options: Any) -> dict[str, Record]:
    found = VStar(**options).imported(write(folder, rows), ())
    return {record.sample.id.partition(":")[2]: record for record in found.records}


@pytest.fixture(scope="module", params=["official", "o3"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[VStar, list[Record]]:
    """The records of the 120 items, as each of the published programs takes them."""
    rows = results()
    if request.param == "o3":
        # That program ends with an error where one of these is not there.
        for row in rows:
            for column in MADE["ANSWERED"]:
                row.setdefault(column, None)
    task = VStar(parser=request.param)
    return task, [*task.imported(write(tmp_path_factory.mktemp("results"), rows), ()).records]


def test_the_figures_are_those_that_the_published_evaluator_prints(both: tuple[VStar, list[Record]]) -> None:
    task, records = both
    compared = 0
    for part, printed in PRINTED[task.parser].items():
        axis, _, value = part.partition("/")
        some = [r for r in records if part == "overall" or r.sample.groups[axis] == value]
        found = (task.overall if part == "overall" else task.aggregate)(some)
        for name, figure in printed.items():
            if not name.startswith("items_"):
                ours = found[name]
                assert ours is not None
                assert f"{ours:.4f}" == f"{figure:.4f}", (part, name)
                compared += 1
    assert compared == 37 * 7 + 23


def test_the_items_with_several_parts_right_are_those_that_it_lists(both: tuple[VStar, list[Record]]) -> None:
    task, records = both
    answered = {r.sample.item for r in records if r.sample.kind == "what" and r.vote and r.vote.answer}
    right: dict[tuple[str, str], set[int]] = {}
    for r in records:
        part, _, chain = r.sample.kind.partition("_")
        name, limit = PARTS[part]
        if r.score and (r.score.values[name] or 0.0) >= limit and r.sample.item in answered:
            for each in [chain] if chain else "12":
                right.setdefault((part, each), set()).add(int(r.sample.item.partition(":")[2]))
    for chain in "12":
        what, when, where = (right[part, chain] for part in PARTS)
        listed = {k: set(v) for k, v in PRINTED[task.parser]["overall"].items() if k.startswith("items_")}
        assert listed[f"items_what_when_{chain}"] == what & when
        assert listed[f"items_what_where_{chain}"] == what & where
        assert listed[f"items_when_where_{chain}"] == when & where
        assert listed[f"items_all_{chain}"] == what & when & where


@pytest.mark.parametrize("parser", ["official", "o3"])
def test_texts_are_stored_as_the_published_program_stores_them(parser: str) -> None:
    told = MADE["READINGS"][parser]
    cut = _released.inner if parser == "o3" else str
    assert {t: _vstar_official.stored_span(cut(t), parser == "o3") for t in told["spans"]} == told["spans"]
    assert {t: _vstar_official.stored_boxes(cut(t)) for t in told["boxes"]} == told["boxes"]


def test_nothing_is_dropped_and_what_is_missing_is_said(tmp_path: Path) -> None:
    row = {k: v for k, v in results()[0].items() if k not in ("answer_spatial_2", "answer_spatial_pre_2")}
    row |= {"answer_vqa": "", "answer_temporal": [], "answer_temporal_pre": "I cannot tell."}
    found = imported(tmp_path, [row])
    assert len(found) == 5
    assert found["0/where_2"].error == "no answer_spatial_2 in the result file"
    for kind, name in (("what", "acc"), ("when_1", "tiou")):
        record = found[f"0/{kind}"]
        assert record.vote and record.vote.abstained and record.vote.problems
        assert record.score and record.score.values[name] == 0.0
    assert found["0/what"].score and found["0/what"].score.values["rating"] is None
    strict = imported(tmp_path, [{**row, "answer_vqa": "a cup"}], parser="official")
    assert strict["0/where_2"].score and strict["0/where_2"].score.values["viou"] == 0.0


def test_our_reader_takes_what_is_stored_else_the_text(tmp_path: Path) -> None:
    row = results()[0] | {
        "answer_temporal": [],
        "answer_temporal_pre": "<think>at 9 s</think><answer>01:02 to 01:30</answer>",
        "answer_temporal_2": [3, 7],
        "answer_temporal_pre_2": "4 to 8",
        "answer_spatial": None,
        "answer_spatial_pre": '{3: [1,2,3,4], "4s": [5,6,7,8]}',
        "answer_spatial_2": {"3.0": [[1, 2, 3, 4], [0, 0, 9, 9]]},
        "answer_spatial_pre_2": '{"3": [9,9,10,10]}',
    }
    votes = {name: record.vote for name, record in imported(tmp_path, [row]).items()}
    assert [votes[f"0/{k}"].span for k in ("when_1", "when_2")] == [Span(62, 90), Span(3, 7)]  # type: ignore[union-attr]
    assert votes["0/where_1"] and votes["0/where_1"].boxes == {3: Box(1, 2, 3, 4), 4: Box(5, 6, 7, 8)}
    assert votes["0/where_2"] and votes["0/where_2"].boxes == {3: Box(1, 2, 3, 4)}


def test_a_rating_makes_right_from_two_on_and_none_is_no_zero(tmp_path: Path) -> None:
    rows = [results()[0] | {"answer_vqa": "x", "VQA_score": rating} for rating in (-1, 0, 1, 2, 3)]
    rows.append({k: v for k, v in rows[0].items() if k != "VQA_score"})
    found = imported(tmp_path, rows)
    values = [score.values for n in range(6) if (score := found[f"{n}/what"].score)]
    assert [v["acc"] for v in values] == [None, 0.0, 0.0, 1.0, 1.0, None]
    assert [v["rating"] for v in values] == [None, 0, 1, 2, 3, None]
    strict = imported(tmp_path, rows, parser="official")["0/what"].score
    assert strict and strict.values == {"rating": None, "acc": 0.0}


def test_without_ratings_the_answer_is_matched_and_that_is_said(tmp_path: Path) -> None:
    row = {k: v for k, v in results()[0].items() if k != "VQA_score"} | {"answer_vqa": "The cup"}
    found = VStar().imported(write(tmp_path, [row]), ())
    assert found.records[0].score and found.records[0].score.values == {"acc": 1.0}
    assert found.notes == (
        f"{tmp_path / 'results.json'} has no VQA_score: the answers to what are judged by exact match",
    )


def test_rows_in_any_order_find_their_items_in_the_data_folder(tmp_path: Path) -> None:
    rows = results()[:6]
    write(tmp_path, rows, "V_STaR_test.json")
    samples = VStar().samples(tmp_path)
    found = VStar().imported(write(tmp_path, rows[::-1]), samples).records
    assert [r.sample.item for r in found[::5]] == [f"{n:04d}:{n}" for n in range(5, -1, -1)]
    assert sorted(r.sample.id for r in found) == sorted(sample.id for sample in samples)
    other = write(tmp_path, [rows[0], rows[0]])
    with pytest.raises(DataError, match="row 1: column 'vid': expected a row of the data folder, each once"):
        VStar().imported(other, samples)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"VQA_score": 7}, "column 'VQA_score': expected a rating from 0 to 3"),
        ({"VQA_score": "2"}, "column 'VQA_score': expected a rating from 0 to 3"),
        ({"timestamps": [1]}, "column 'timestamps'"),
        ({"vid": "../../x"}, "column 'vid': expected a video inside"),
    ],
)
def test_a_row_that_is_not_as_published_is_named(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"results.json, row 0: {message}"):
        imported(tmp_path, [results()[0] | change])


def test_an_annotation_without_answers_is_no_result_file(tmp_path: Path) -> None:
    row = {k: v for k, v in results()[0].items() if not k.startswith(("answer_", "VQA"))}
    with pytest.raises(DataError, match="no column|expected answers beside the annotation"):
        imported(tmp_path, [row])


def test_a_task_without_a_result_format_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the task shapes does not know how to import"):
        shapes.imported(tmp_path / "x.json", ())


QUESTION = {
    "question_id": "001-1", "task_type": "OCR Problems", "question": "Which?", "answer": "C",
    "options": ["A. a", "B. b", "C. c", "D. d"],
}  # fmt: skip
VIDEO = {"video_id": "001", "duration": "short", "domain": "Knowledge", "sub_category": "Astronomy"}


def responses(*texts: str | None) -> list[dict[str, Any]]:
    asked = [
        QUESTION | {"question_id": f"001-{n}"} | ({} if t is None else {"response": t}) for n, t in enumerate(texts)
    ]
    return [VIDEO | {"questions": asked}]


@pytest.mark.parametrize(
    ("parser", "expected"),
    [
        ("strict", [1.0, 1.0, 0.0, 0.0, 0.0, None]),
        ("official", [1.0, 1.0, 1.0, 0.0, None, None]),
        ("o3", [1.0, 1.0, 0.0, 1.0, 0.0, None]),
    ],
)
def test_video_mme_responses(parser: str, expected: list[float | None], tmp_path: Path) -> None:
    texts = ("C", "<think>B.</think><answer>C</answer>", "This is Clear", "B or C", "", None)
    found = VideoMME(parser=parser).imported(write(tmp_path, responses(*texts)), ()).records
    assert [r.score.values["acc"] if r.score else None for r in found] == expected
    assert found[-1].error == "no response in the result file"
    assert found[0].sample.groups == {k: VIDEO[k] for k in ("duration", "domain", "sub_category")} | {
        "task_type": "OCR Problems"
    }


def test_commas_behind_the_last_entry_are_left_out_with_a_note(tmp_path: Path) -> None:
    text = json.dumps(responses("C, ] is it")).replace("}]}]", "},],\n},\n]")
    with pytest.raises(ValueError):
        json.loads(text)
    found = VideoMME().imported(write(tmp_path, text), ())
    assert found.notes == (f"{tmp_path / 'results.json'} is not JSON: 3 commas behind a last entry were left out",)
    assert found.records[0].responses[0].text == "C, ] is it"
    with pytest.raises(DataError, match="expected JSON"):
        VideoMME().imported(write(tmp_path, text[:-3]), ())


def test_questions_that_come_twice_or_not_at_all_are_named(tmp_path: Path) -> None:
    rows = responses("A", "B")
    rows[0]["questions"][1]["question_id"] = "001-0"
    with pytest.raises(DataError, match="'question_id': expected a value of its own"):
        VideoMME().imported(write(tmp_path, rows), ())
    with pytest.raises(DataError, match="no column 'questions'"):
        VideoMME().imported(write(tmp_path, [VIDEO]), ())
