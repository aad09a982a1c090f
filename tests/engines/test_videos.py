"""Frames shown as a video: the engines against `generate` with the family's own processor, and against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness import prompt
from harness.engines import Settings, _chat
from harness.engines._layout import Block, Layout, positions
from harness.engines.transformers import engine
from harness.errors import EngineError, VideoError
from harness.families import FAMILIES
from harness.model import Model
from harness.plugins import load
from harness.records import Clip, Frame, Request

pytestmark = pytest.mark.filterwarnings("default")

EVEN = [number / 4 for number in range(8)]
LONG = [10.0 * number for number in range(8)]
UNEVEN = [0.0, 1.0, 2.0, 3.0, 20.0, 21.0]


def processor(model: Model) -> Any:
    """The family's own, as its class makes it; with torchvision."""
    pytest.importorskip("torchvision", reason="the video processors of transformers need torchvision")
    from transformers import AutoImageProcessor
    from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
    from transformers.models.qwen2_vl.processing_qwen2_vl import Qwen2VLProcessor
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
    from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor
    from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

    new = FAMILIES[model.family].sums
    old = Qwen2VLProcessor if model.family == "qwen2_vl" else Qwen2_5_VLProcessor
    film = (Qwen3VLVideoProcessor if new else Qwen2VLVideoProcessor)(image_mean=[0.5] * 3, image_std=[0.5] * 3)
    return (Qwen3VLProcessor if new else old)(
        AutoImageProcessor.from_pretrained(model.path, backend="pil"), _chat.load_tokenizer(Settings(model=model)), film
    )


def by_transformers(model: Model, request: Request, pixels: Any, fps: float) -> tuple[list[int], str]:
    """The prompt of the processor and the greedy text of `generate`, for a video of that many frames a second."""
    import torch
    from transformers import AutoModelForImageTextToText
    from transformers.video_utils import VideoMetadata

    own = processor(model)
    [clip] = prompt.clips(request)
    film = np.stack([np.asarray(pixels.paint(frame)) for frame in clip.frames])
    metadata = VideoMetadata(fps=fps, frames_indices=[*range(len(film))], total_num_frames=len(film))
    told = {} if model.family == "qwen2_vl" else {"video_metadata": [metadata]}
    ready = own(
        text=[_chat.text(own.tokenizer, request)], videos=[film], do_resize=False, do_sample_frames=False,
        return_tensors="pt", **told,
    )  # fmt: skip
    network = AutoModelForImageTextToText.from_pretrained(model.path, dtype=torch.float32).eval()
    out = network.generate(**ready, do_sample=False, max_new_tokens=request.max_tokens)
    ids = ready["input_ids"][0].tolist()
    return ids, own.tokenizer.decode(out[0, len(ids) :], skip_special_tokens=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_is_what_transformers_generates(family: str, random_models: Any, bench: Any) -> None:
    """At two seconds, which transformers places like the authors: its text after a longer video overlaps that."""
    model, unit = random_models(family), FAMILIES[family].factor
    requests = [bench.film(i, unit, EVEN[: 8 - i]) for i in range(4)]
    found = bench.texts(bench.run(engine(Settings(model=model), bench.Pixels()), requests))
    config = load_config(model)
    for request, [text] in zip(requests, found, strict=True):
        ids, expected = by_transformers(model, request, bench.Pixels, 4.0)
        assert Layout(_chat.load_tokenizer(Settings(model=model)), config, family).lay(request)[0] == ids
        assert text == expected
    assert len({text for [text] in found}) > 1


def load_config(model: Model) -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(model.path)


def by_hand(ids: Sequence[int], blocks: Sequence[Block]) -> list[list[int]]:
    """The rule of the Qwen2.5-VL authors, token by token."""
    found: list[list[int]] = []
    inside = {block.start + i: (block, i) for block in blocks for i in range(block.size)}
    begun = 0
    for at in range(len(ids)):
        after = max(max(place) for place in found) + 1 if found else 0
        if at not in inside:
            found.append([after] * 3)
            continue
        block, i = inside[at]
        begun = after if i == 0 else begun
        step, cell = divmod(i, block.rows * block.columns)
        found.append([begun + block.steps[step], begun + cell // block.columns, begun + cell % block.columns])
    return found


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("times", [EVEN, LONG, UNEVEN, [4.0]], ids=["even", "long", "uneven", "one"])
def test_positions_follow_the_rule_of_the_authors(
    family: str, times: list[float], random_models: Any, bench: Any
) -> None:
    model, unit = random_models(family), FAMILIES[family].factor
    layout = Layout(_chat.load_tokenizer(Settings(model=model)), load_config(model), family)
    image = Frame(video="v", time=0, size=(2 * unit, 5 * unit))
    request = bench.film(1, unit, times)
    ids, blocks = layout.lay(replace(request, parts=("Look: ", image, *request.parts, image, " So?")))
    found, shift = positions(len(ids), blocks)
    assert found.T.tolist() == by_hand(ids, blocks)
    assert shift == int(found.max()) + 1 - len(ids)
    assert [ids[block.start] for block in blocks] == [layout.video if block.video else layout.image for block in blocks]


def test_what_the_model_sees_and_is_told_counts(random_models: Any, bench: Any) -> None:
    """The order of frames, their times where the family tells them, and the other questions asked at the same time."""
    for family in ("qwen2_5_vl", "qwen3_vl"):
        unit = FAMILIES[family].factor
        shown = bench.film(0, unit, EVEN)
        [clip, question] = shown.parts
        turned = replace(shown, parts=(replace(clip, frames=clip.frames[::-1], pace=4.0), question))
        slow = replace(shown, parts=(replace(clip, pace=0.05), question))
        same = replace(shown, parts=(replace(clip, pace=4.0), question))
        both = replace(shown, parts=(clip.frames[3], clip, clip.frames[0], question))
        requests = [shown, turned, slow, same, both, bench.ask(1, unit), bench.film(2, unit, LONG)]
        together = bench.texts(bench.run(engine(Settings(model=random_models(family)), bench.Pixels()), requests))
        alone = bench.run(engine(Settings(model=random_models(family)), bench.Pixels()), requests, together=False)
        assert together == bench.texts(alone)
        assert together[0] == together[3]
        assert len({text for [text] in together}) == len(requests) - 1


def test_bad_videos_fail_alone(random_model: Model, bench: Any) -> None:
    broken = Clip(frames=(Frame(video="broken.mp4", time=0, size=(56, 56)),))
    odd = Clip(frames=(Frame(video="0.mp4", time=0, size=(50, 56)),))
    good = bench.film(0)
    bad = [Request(parts=(clip, "?")) for clip in (broken, odd)]
    found = bench.run(engine(Settings(model=random_model), bench.Pixels()), [good, *bad, good])
    assert [type(x) for x in found[1:3]] == [VideoError, EngineError]
    assert found[0] == found[3]


@pytest.mark.vllm
@pytest.mark.slow
@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_vllm_says_the_same(family: str, random_models: Any, bench: Any) -> None:
    model, unit = random_models(family), FAMILIES[family].factor
    times = [EVEN, LONG, [k * 1001 / 3000 for k in range(12)], [5.0], EVEN[:5], LONG[:3]]
    requests = [bench.film(i, unit, times[i % len(times)], pace=2.0 if i % 5 == 4 else None) for i in range(12)]
    requests += [bench.ask(i, unit, frames=1 + i) for i in range(3)]
    uneven = bench.film(1, unit, UNEVEN)
    how = Settings(model=model, dtype="float32", clips=True)
    ours = bench.run(engine(how, bench.Pixels()), [*requests, uneven])
    *theirs, odd = bench.run(load("harness.engines", "vllm")(how, bench.Pixels()), [*requests, uneven])
    assert bench.texts(theirs) == bench.texts(ours[:-1])
    for [one], [other] in zip(theirs, ours, strict=False):
        assert one.prompt_tokens == other.prompt_tokens
        assert one.logprob == pytest.approx(other.logprob, abs=1e-2)
    if FAMILIES[family].clock == "positions":
        assert isinstance(odd, EngineError) and "not even in time" in str(odd)
    else:
        assert bench.texts([odd]) == bench.texts(ours[-1:])
