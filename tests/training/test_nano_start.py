"""What nano learns beside its first questions, and how it goes on from a checkpoint, against facts of the clips."""

from __future__ import annotations

import importlib
import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from harness import parse
from harness.records import Frame
from harness.shapes import clip as world
from harness.shapes import events, questions, render
from harness.shapes.clip import make
from harness.training.nano import batch, branches, corpus, forward, lessons, looks, model, samples, words

OLD = (
    "Is there a red bar in the video? Answer Yes or No.",
    "When is the blue ring visible?\nFrame 3 at 2.0s: ",
    "A. top left\nB. bottom right\nSo the answer is top left.</think><answer>A</answer>",
)


@pytest.fixture(scope="module")
def before() -> Any:
    """A tokenizer that knows nothing of cameras and directions."""
    with pytest.MonkeyPatch.context() as patch:
        known = tuple(word for word in words.WORDS if word not in (*world.CAMERAS, *events.DIRECTIONS))
        patch.setattr(words, "WORDS", known)
        return words.build([*OLD] * 2)


@pytest.fixture(scope="module")
def checkpoint(before: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nano")
    model.save(model.make(before, 0), before, folder)
    return folder


@pytest.fixture(scope="module")
def after(checkpoint: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "CLIPS", 30)
        return corpus.tokenizer(checkpoint)


@pytest.fixture(scope="module")
def teacher(after: Any) -> lessons.Teacher:
    return lessons.Teacher(after)


def test_a_longer_vocabulary_keeps_the_tokens(before: Any, after: Any) -> None:
    known, found = before.get_vocab(), after.get_vocab()
    assert known.items() < found.items()
    for text in OLD:
        assert after.encode(text) == before.encode(text)
    for text in ("pan left", "still", "up", "Please only answer Yes or No.", "The picture: ", " move?"):
        [token] = after.encode(text)
        assert token >= len(known) and after.decode([token]) == text
    for text in ("Does the camera keep still? ünï", "top left, left, pan left, leftover"):
        assert after.decode(after.encode(text)) == text


def test_new_tokens_begin_as_they_were_written(checkpoint: Path, before: Any, after: Any) -> None:
    net, long = model.load(checkpoint), model.load(checkpoint)
    model.extend(long, before, after)
    table, rows = net.get_input_embeddings().weight, long.get_input_embeddings().weight
    assert len(rows) % 32 == 0 and len(rows) >= len(after) == long.config.text_config.vocab_size - len(rows) + len(
        after
    )
    assert rows is long.lm_head.weight and torch.equal(rows[: len(before)], table[: len(before)])
    pieces = before.encode("Does the camera ")
    assert len(pieces) == 16
    assert torch.allclose(rows[after.encode("Does the camera ")[0]], table[pieces].mean(0))


def test_old_lessons_are_read_as_before(checkpoint: Path, before: Any, after: Any) -> None:
    long = model.load(checkpoint)
    model.extend(long, before, after)
    hidden = []
    for net, tokens in ((model.load(checkpoint), before), (long, after)):
        made = batch.collate([lessons.Teacher(tokens).crop(2)], batch.words_of(tokens), 1)
        seen = forward.look(net.model.visual, made.pixels)
        hidden.append(forward.read(net.model.language_model, made, seen.reshape(-1, model.WIDTH))[0][:, -1])
    assert torch.allclose(hidden[0], hidden[1], atol=1e-5)


def test_films_say_what_the_camera_does(teacher: lessons.Teacher, after: Any) -> None:
    cameras = set()
    for seed in range(30):
        clip, view, asked = teacher.filmed(seed)
        assert clip.camera is not None and len(set(view.times)) == len(view.times) > 1
        cameras.add(clip.camera)
        judged = {(request.parts[-1], answer) for request, answer in asked if request.choices}
        yes = f"\n{events.does(clip.camera)} Please only answer Yes or No."
        assert {text for text, answer in judged if answer == "Yes"} == {yes}
        assert len({text for text, answer in judged if answer == "No"} - {yes}) == lessons.DOES
        told = [answer for request, answer in asked if request.choices]
        assert told.count("Yes") == told.count("No")
        [(request, text)] = [(request, text) for request, text in asked if not request.choices]
        assert _chosen(request.parts[-1], text) == clip.camera
        for claim in parse.evidence(view, text)[0]:
            assert claim.time in (round(view.times[0], 1), round(view.times[-1], 1))
    assert cameras == set(world.CAMERAS)
    lesson = teacher.film(3)
    assert after.decode(lesson.branches[-1].tokens) == f"What does the camera do?{teacher.filmed(3)[0].camera}"
    for branch in lesson.branches[: 2 * lessons.DOES]:
        weighty = [token for token, weight in zip(branch.tokens, branch.weights, strict=True) if weight > 1]
        assert after.decode(weighty) in ("Yes", "No")


def test_pictures_are_frames_behind_the_others(teacher: lessons.Teacher, after: Any) -> None:
    for seed in range(12):
        clip, view, asked, card = teacher.pictured(seed)
        [shown] = card.things
        for request, text in asked:
            *_, said, picture, question = request.parts
            assert said == "\nThe picture: " and isinstance(picture, Frame) and picture.size == view.size
            wanted = [t.colour for t in clip.things if t.shape == shown.shape]
            assert [_chosen(question, text)] == wanted
        lesson = teacher.picture(seed)
        assert (lesson.pixels[-1] == render.frame(card, 0.0, view.size)).all()
        assert len(lesson.pixels) == len(lesson.things) == len(view.times) + 1
        assert after.decode(lesson.prefix).count("<|vision_start|>") == len(view.times) + 1
        cells = "<|image_pad|>" * (view.size[0] // batch.CELL * (view.size[1] // batch.CELL))
        assert after.decode(lesson.prefix).endswith(f"The picture: <|vision_start|>{cells}<|vision_end|>")
        for branch in lesson.branches:
            assert after.decode(branch.tokens).startswith("\nThe picture shows a shape.")


def _chosen(question: object, text: str) -> str:
    """The words of the option that a response names."""
    content, _ = parse.answer(text)
    letter = content or text
    [option] = re.findall(rf"^{letter}\. (.*)$", str(question), re.MULTILINE)
    return str(option)


def test_evidence_is_what_the_answer_rests_on() -> None:
    kinds = set()
    for seed in range(60):
        clip, rng = make(seed), random.Random(seed)
        for maker in events.MAKERS:
            asked = maker(clip, rng)
            if asked is None:
                continue
            cited = samples.happening(clip, asked).evidence
            kinds.add(asked.topic + asked.text[-5:])
            right = asked.options[questions.LETTERS.index(asked.answer)]
            assert {claim.label for claim in cited} == {thing.name for thing in asked.things}
            assert asked.topic == "Motion" or cited[-1].label == right
            there = {thing.name: thing for thing in clip.things}
            assert all(there[c.label].visible(c.time or 0.0) for c in cited)
            assert all(c.box == clip.box(there[c.label], c.time or 0.0) for c in cited)
            if asked.topic == "Interaction":
                assert cited[0].time == cited[1].time
        for event in events.events(clip):
            told = samples.event(clip, event)
            times = [claim.time for claim in told.evidence]
            assert told.span == event.span and {event.span.start, event.span.end} <= {*times} or len(event.things) > 2
    assert len(kinds) > 4


def test_names_times_and_conclusions_weigh(teacher: lessons.Teacher, after: Any) -> None:
    response = (
        "<think>The <obj>red bar</obj><box>[1,2,30,40]</box>at<t>5.0</t>s. So the answer is up.</think>"
        "<answer>B</answer>"
    )
    branch = teacher.writer.branch("What?", response)
    pairs = [(after.decode([t]), w) for t, w in zip(branch.tokens, branch.weights, strict=True) if w > 1]
    seen = [(word, branches.SEEN_WEIGHT) for word in ("red bar", "1", "2", "30", "40", "5", "up")]
    assert pairs == [*seen, ("B", branches.HEAVY_WEIGHT)]
    near = teacher.writer.near("When is the red bar visible?", "3.0", "5.0")
    assert after.decode(near.tokens) == "When is the red bar visible?3.05.0" and sum(near.weights) == 4


def test_a_request_is_split_behind_its_last_frame(teacher: lessons.Teacher, after: Any) -> None:
    rng = random.Random(1)
    clip = make(3)
    view = looks.look(clip, rng)
    request, _ = teacher.ask(clip, view, rng)[0]
    whole = teacher.writer.prefix(request, view) + teacher.writer.encode(branches.after(request))
    assert whole == teacher.writer.seeing(branches.chat(request), view.size)
    assert after.decode(whole).replace("<|image_pad|>", "").startswith("<|im_start|>system\n")


def test_training_goes_on_from_a_checkpoint(
    checkpoint: Path, before: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = importlib.import_module("harness.training.nano.train")
    monkeypatch.setattr(corpus, "CLIPS", 4)
    for name in ("CLIPS", "CROPS", "FILMS", "PICTURES"):
        monkeypatch.setattr(train, name, 1)
    monkeypatch.setattr(train, "GLANCES", 4)
    monkeypatch.setattr(train, "DRILLS", 2)
    train._work(0, train.Plan(tmp_path, 0.03, 0, 1, checkpoint))
    net, start = model.load(tmp_path), model.load(checkpoint)
    found = model.load_tokenizer(tmp_path)
    assert len(found) > len(before) and before.get_vocab().items() < found.get_vocab().items()
    old = dict(start.named_parameters())
    moved = {name for name, p in net.named_parameters() if p.shape == old[name].shape and not torch.equal(p, old[name])}
    assert any(".layers." in name for name in moved) and any(".visual." in name for name in moved)
    assert net.get_input_embeddings().weight.isfinite().all()


def test_drills_end_what_boxes_began(teacher: lessons.Teacher, after: Any) -> None:
    told = set()
    for seed in range(40):
        lesson = teacher.drill(seed)
        if after.decode(lesson.prefix) != "<|im_start|>user\n":
            continue
        for branch in lesson.branches:
            text = after.decode(branch.tokens)
            first, last = ([int(n) for n in box.split(",")] for box in re.findall(r"<box>\[([\d,]+)\]", text)[-2:])
            found = re.search(r"So the answer is (.*)\.</think><answer>(.)</answer>", text)
            assert found is not None and f"\n{found[2]}. {found[1]}\n" in text
            weighty = [t for t, weight in zip(branch.tokens, branch.weights, strict=True) if weight > 1]
            assert after.decode(weighty) == found[1] + found[2]
            right, down = last[0] - first[0], last[3] - first[3]
            told.add(found[1])
            signs = {"left": -right, "right": right, "up": -down, "down": down, "pan left": right + 1,
                     "pan right": 1 - right, "tilt up": down + 1, "tilt down": 1 - down}  # fmt: skip
            assert signs.get(found[1], 1) > 0, text
    assert told >= {*events.DIRECTIONS, "still"}
