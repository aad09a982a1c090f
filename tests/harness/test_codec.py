"""Records to JSON and back, and their schema."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec import decode, decode_line, encode
from harness.errors import DataError
from harness.geometry import Box, Span
from harness.records import Clip, Evidence, Frame, Grade, Prediction, Record, Request, Response, Sample, Score, View
from harness.schema import dumps, loads, validate, validator, whole

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
texts = st.text(max_size=12)
boxes = st.builds(Box, numbers, numbers, numbers, numbers)
spans = st.builds(Span, numbers, numbers)
seconds = st.one_of(st.integers(0, 9999).map(float), st.floats(0, 9999))
tracks = st.dictionaries(seconds, boxes, max_size=3)
claims = st.lists(
    st.builds(Evidence, label=texts, time=st.none() | numbers, box=st.none() | boxes), max_size=2
).map(tuple)  # fmt: skip
sizes = st.tuples(st.integers(1, 9999), st.integers(1, 9999))
samples = st.builds(
    Sample,
    id=st.text(min_size=1, max_size=8),
    item=texts,
    kind=texts,
    video=texts,
    question=texts,
    options=st.lists(texts, max_size=3).map(tuple),
    answer=st.none() | texts,
    span=st.none() | spans,
    boxes=tracks,
    evidence=claims,
    groups=st.dictionaries(texts, texts, max_size=2),
    context=st.none() | texts,
)
views = st.builds(
    View,
    video=texts,
    times=st.lists(numbers, min_size=1, max_size=3).map(tuple),
    duration=numbers,
    width=st.integers(1, 9999),
    height=st.integers(1, 9999),
    size=sizes,
    family=texts,
    show=texts,
)
responses = st.builds(
    Response,
    rollout=st.integers(0, 99),
    text=texts,
    finish=st.sampled_from(["stop", "length", "error"]),
    tokens=st.integers(0, 99),
    prompt_tokens=st.integers(0, 99),
    logprob=st.none() | numbers,
    choice_logprobs=st.none() | st.dictionaries(texts, numbers, max_size=2),
    error=st.none() | texts,
)
predictions = st.builds(
    Prediction,
    answer=st.none() | texts,
    span=st.none() | spans,
    boxes=tracks,
    evidence=claims,
    signals=st.dictionaries(texts, numbers, max_size=2),
    rollout=st.none() | st.integers(0, 99),
    tally=st.none() | st.dictionaries(texts, numbers, max_size=2),
    problems=st.lists(texts, max_size=2).map(tuple),
)
scores = st.builds(
    Score, values=st.dictionaries(texts, st.none() | numbers, max_size=3), reason=st.none() | texts
)  # fmt: skip
grades = st.builds(
    Grade,
    request=texts,
    choice=st.none() | texts,
    logprobs=st.none() | st.dictionaries(texts, numbers, max_size=2),
    error=st.none() | texts,
    prompt_tokens=st.integers(0, 99),
)
evaluated = st.builds(
    Record,
    task=st.text(min_size=1, max_size=8),
    version=st.integers(0, 99),
    sample=samples,
    view=views,
    request=st.just("0" * 64),
    responses=st.lists(responses, max_size=2).map(tuple),
    predictions=st.lists(predictions, max_size=2).map(tuple),
    grades=st.lists(grades, max_size=2).map(tuple),
    vote=predictions,
    score=scores,
    error=st.none(),
    seconds=st.floats(0, 1e6),
)
failed = st.builds(
    Record,
    task=st.text(min_size=1, max_size=8),
    version=st.integers(0, 99),
    sample=samples,
    view=st.none() | views,
    responses=st.lists(responses, max_size=2).map(tuple),
    error=texts,
)
frames = st.builds(Frame, video=texts, time=numbers, size=sizes, crop=st.none() | boxes)
clips = st.builds(Clip, frames=st.lists(frames, max_size=2).map(tuple), pace=st.none() | numbers)
requests = st.builds(
    Request,
    parts=st.lists(texts | frames | clips, max_size=3).map(tuple),
    system=st.none() | texts,
    choices=st.lists(texts, max_size=2).map(tuple),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(evaluated | failed)
def test_a_record_comes_back_as_it_went(record: Record) -> None:
    data = encode(record)
    validate("record", data, "record")
    assert decode(Record, loads(dumps(data, "record"), "record")) == record


@settings(max_examples=60, deadline=None)
@given(evaluated | failed)
def test_a_line_comes_back_as_it_went(record: Record) -> None:
    assert decode_line(Record, dumps(encode(record), "record")) == record


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"task": "x", "version": "1"}', b"\xff", b"NaN", b"[" * 9999])
def test_a_line_of_another_shape_is_none(line: bytes) -> None:
    assert decode_line(Record, line) is None


@settings(max_examples=60, deadline=None)
@given(requests)
def test_the_key_of_a_request_is_that_of_its_json(request: Request) -> None:
    again = json.loads(json.dumps(encode(request)))
    assert again == encode(request) and len(request.key) == 64
    assert replace(request, seed=request.seed + 1).key != request.key


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each value inside JSON data."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(deeper for name, value in inner for deeper in places(value, (*path, name)))]


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = changed(data[path[0]], path[1:], value)
    return copy


@settings(max_examples=150, deadline=None)
@given(evaluated | failed, st.data())
def test_the_quick_check_accepts_nothing_that_jsonschema_refuses(record: Record, draw: st.DataObject) -> None:
    data = loads(dumps(encode(record), "record"), "record")
    path = draw.draw(st.sampled_from(places(data)))
    odd = draw.draw(st.sampled_from([None, True, -1, 0.5, "", "x", [], [1], {}, {"x": 1}, {"1": [1, 2, 3, 4]}]))
    mutant = changed(data, path, odd)
    try:
        validate("record", mutant, "record")
        accepted = True
    except DataError:
        accepted = False
    assert accepted == validator("record").is_valid(mutant)


LATER = {"show", "edits", "signals", "grades", "outcome", "part", "start"}
"""Fields that the first records did not have; those can still be read."""


def test_the_schema_names_every_field() -> None:
    schema = validator("record").schema
    assert isinstance(schema, dict)
    parts = schema["properties"]
    for kind, node in (
        (Record, schema),
        (Sample, parts["sample"]),
        (View, parts["view"]),
        (Response, parts["responses"]["items"]),
        (Prediction, parts["predictions"]["items"]),
        (Prediction, parts["vote"]),
        (Score, parts["score"]),
        (Grade, parts["grades"]["items"]),
        (Evidence, parts["sample"]["properties"]["evidence"]["items"]),
    ):
        names = {f.name for f in fields(kind)}
        assert names == set(node["properties"])
        assert names - LATER == set(node["required"])


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_has_not_are_refused(number: float) -> None:
    with pytest.raises(DataError, match="q1 would hold"):
        dumps({"a": number}, "q1")


@pytest.mark.parametrize("text", [b"NaN", b'{"a": Infinity}', b'{"a": 1', b"\xff", b"", b"[" * 100_000])
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(DataError, match=r"run\.json is not JSON"):
        loads(text, "run.json")


@pytest.mark.parametrize(
    ("text", "kept"), [("\ud83d", "�"), ("a\udc00b", "a�b"), ("\ud83d\ude00", "😀"), ("\x00\u2028", "\x00\u2028")]
)
def test_any_text_can_be_written(text: str, kept: str) -> None:
    assert whole(text) == kept
    assert loads(dumps([text], "x"), "x") == [kept]


@pytest.mark.parametrize("data", [{"label": 1}, [], None, {"label": "x", "time": "soon", "box": None}, {"box": [1, 2]}])
def test_data_of_another_shape_is_a_data_error(data: Any) -> None:
    with pytest.raises(DataError, match="cannot read a Evidence"):
        decode(Evidence, data)
