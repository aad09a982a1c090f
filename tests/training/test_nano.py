"""Nano's own forward pass, tokenizer and lessons, against transformers and the tasks."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import codec, plugins
from harness.records import Response, Sample, View
from harness.shapes.clip import make
from harness.training.nano import batch, branches, forward, lessons, looks, model, muon, samples, words
from harness.training.nano.corpus import tokenizer


@pytest.fixture(scope="module")
def tokens() -> Any:
    return tokenizer()


@pytest.fixture(scope="module")
def teacher(tokens: Any) -> lessons.Teacher:
    return lessons.Teacher(tokens)


@pytest.mark.parametrize(
    "text",
    ["When is the red circle visible?", "Any text: ünïcode, 1234.567 and 汉字\n\ttabs", "[12,34,56,255] at 3.5s", ""],
)
def test_any_text_comes_back(tokens: Any, text: str) -> None:
    assert tokens.decode(tokens.encode(text)) == text


def test_numbers_are_one_token_and_follow_each_other(tokens: Any) -> None:
    ids = [tokens.encode(str(number)) for number in range(256)]
    assert [len(found) for found in ids] == [1] * 256
    assert np.diff([found[0] for found in ids]).tolist() == [1] * 255


def test_a_thing_is_one_token_near_its_words(tokens: Any) -> None:
    table = model.make(tokens, 0).get_input_embeddings().weight.detach()
    for thing in words.THINGS:
        [found] = tokens.encode(thing)
        colour, shape = (table[words.token(tokens, word)] for word in thing.split())
        assert torch.cosine_similarity(table[found], colour + shape, dim=0) > 0.4


def test_drills_tell_letters_and_members(teacher: lessons.Teacher, tokens: Any) -> None:
    told = set()
    for seed in range(20):
        lesson = teacher.drill(seed)
        before = tokens.decode(lesson.prefix)
        if before == "<|im_start|>user\n":
            told.add("motions")
            continue
        if "Frame 1 at" in before:
            told.add("names")
            assert all(sum(branch.weights) and not any(branch.soft) for branch in lesson.branches)
            continue
        for branch in lesson.branches:
            text = tokens.decode(branch.tokens).removesuffix("<|im_end|>")
            told.add(text.removesuffix("</answer>").split("\n")[-1].split(">")[-1])
            if text.endswith("</answer>"):
                option = text.removeprefix("So the answer is ").partition(".</think>")[0]
                assert f"\n{text[-10]}. {option}\n" in before
            else:
                name = text.partition("Is there a ")[2].partition(" in the video")[0]
                assert text.endswith("Yes" if f"{name}," in before else "No")
    assert told == {"A", "B", "C", "D", "Yes", "No", "names", "motions"}


def test_glimpses_cite_first_and_last_sights(teacher: lessons.Teacher, tokens: Any) -> None:
    cited = 0
    for seed in range(20):
        lesson = teacher.glimpse(seed)
        times = re.findall(r"Frame \d+ at (\d+\.\d)s", tokens.decode(lesson.prefix))
        assert len(lesson.things) == len(times) == len(lesson.pixels)
        seen = [(t.name, box, time) for things, time in zip(lesson.things, times, strict=True) for t, box in things]
        assert len(lesson.branches) == 3 * len({name for name, _, _ in seen})
        for claim, near, when in zip(*[iter(lesson.branches)] * 3, strict=True):
            said = tokens.decode(claim.tokens)
            name, again = re.findall("<obj>(.*?)</obj>", said)
            ends = [[(box, time) for known, box, time in seen if known == name][k] for k in (0, -1)]
            boxes = [",".join(str(round(edge)) for edge in box) for box, _ in ends]
            found = re.findall(r"<box>\[(.*?)\]</box>at<t>(.*?)</t>s\.", said)
            assert again == name and found == [*zip(boxes, (time for _, time in ends), strict=True)]
            assert tokens.decode(near.tokens) == "".join(name + box.replace(",", "") for box in boxes)
            assert tokens.decode(when.tokens) == "".join(name + time for _, time in ends) and sum(near.soft) == 8
            assert claim.weights[:4] == [0.0] * 4 and claim.weights[4] == 1.0
            cited += len({time for _, time in ends}) == 2
    assert cited > 20


def test_lessons_use_the_chat_template(teacher: lessons.Teacher, tokens: Any) -> None:
    from harness import prompt

    rng = random.Random(0)
    clip = make(5)
    for request, _ in teacher.ask(clip, looks.look(clip, rng), rng):
        text = tokens.apply_chat_template(prompt.messages(request), tokenize=False, add_generation_prompt=True)
        assert text == branches.chat(request)


def test_reference_responses_are_right(teacher: lessons.Teacher) -> None:
    """What nano is taught scores 1.0 under the tasks' own scorers."""
    for seed in range(40):
        clip, rng = make(seed), random.Random(seed)
        view = looks.look(clip, random.Random(2))
        for sample in samples.of(clip, rng):
            name = {"mcq": "videomme", "exists": "shapes"}.get(sample.kind, "vstar")
            task = plugins.load("harness.tasks", name)
            response = Response(rollout=0, text=task.reference(sample, view), finish="stop")
            score = task.score(sample, task.read(sample, view, response))
            assert min(v for v in score.values.values() if v is not None) > 0.7, (sample, response.text, score)


def test_forward_is_the_transformers_forward(teacher: lessons.Teacher, tokens: Any) -> None:
    net = model.make(tokens, 0).eval()
    image = tokens.convert_tokens_to_ids("<|image_pad|>")
    found = [teacher.lesson(seed) for seed in range(12)]
    pair = [lesson for lesson in found if lesson.pixels.shape[1:3] == found[0].pixels.shape[1:3]][:2]
    made = batch.collate(pair, batch.words_of(tokens), sets=2)
    seen = forward.look(net.model.visual, made.pixels)
    states = forward.read(net.model.language_model, made, seen.reshape(-1, model.WIDTH))
    order = sorted(
        ((row, b) for row, lesson in enumerate(pair) for b in lesson.branches), key=lambda p: len(p[1].tokens)
    )
    rows = [state for asked in states for state in asked]
    for (owner, branch), state in zip(order, rows, strict=True):
        want = _reference(net, pair[owner], branch, image)
        have = state[: len(branch.tokens)] @ net.model.language_model.embed_tokens.weight.T
        assert torch.allclose(have, want, atol=1e-4)


def _reference(net: torch.nn.Module, lesson: lessons.Lesson, branch: branches.Branch, image: int) -> torch.Tensor:
    ids = torch.tensor([lesson.prefix + branch.tokens])
    frames, height, width, _ = lesson.pixels.shape
    grid = torch.tensor([[1, height // model.PATCH, width // model.PATCH]] * frames)
    with torch.no_grad():
        out = net(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=_patches(lesson.pixels),
            image_grid_thw=grid,
            mm_token_type_ids=(ids == image).int(),
        )
    return torch.as_tensor(out.logits[0, len(lesson.prefix) :])


def _patches(pixels: np.ndarray) -> torch.Tensor:
    """Frames as the image processor of Qwen2-VL lays them out."""
    from PIL import Image
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    processor = Qwen2VLImageProcessorPil(patch_size=14, merge_size=2, temporal_patch_size=2)
    images = [Image.fromarray(frame) for frame in pixels]
    return torch.as_tensor(processor(images=images, do_resize=False, return_tensors="pt")["pixel_values"])


def test_orthogonal_matrices() -> None:
    torch.manual_seed(0)
    for shape in ((3, 20, 50), (2, 50, 20)):
        values = torch.linalg.svdvals(muon.orthogonal(torch.randn(shape)))
        assert 0.5 < values.min() < values.max() < 1.5


def test_a_checkpoint_is_whole(tokens: Any, tmp_path: Path) -> None:
    from harness.model import resolve

    net = model.make(tokens, 0)
    model.save(net, tokens, tmp_path)
    again = model.load(tmp_path)
    assert all((a == b).all() for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True))
    assert resolve(tmp_path).frames == model.FRAMES


def test_samples_survive_json() -> None:
    clip = make(1)
    sample = samples.sample(clip, "where_1", "Where?", clip.things[0])
    assert codec.decode(Sample, codec.encode(sample)) == sample
    view = looks.look(clip, random.Random(0))
    assert codec.decode(View, codec.encode(view)) == view
