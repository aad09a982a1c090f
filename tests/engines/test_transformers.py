"""The transformers engine against `generate` of transformers, and what batching must not change."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.engines import Settings, _chat
from harness.engines.transformers import engine
from harness.errors import DataError, EngineError, HarnessError, UsageError, VideoError
from harness.families import FAMILIES
from harness.model import Model, resolve
from harness.prompt import frames
from harness.records import Frame, Request

pytestmark = pytest.mark.filterwarnings("default")


def run(bench: Any, model: Model, requests: list[Request], **how: Any) -> Any:
    return bench.run(engine(Settings(model=model), bench.Pixels()), requests, **how)


def by_transformers(model: Model, request: Request, pixels: Any) -> tuple[str, float, list[float]]:
    """The greedy text of `generate`, its log-probability, and those of every first token."""
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageTextToText

    tokenizer = _chat.load_tokenizer(Settings(model=model))
    processor: Any = AutoImageProcessor.from_pretrained(model.path, backend="pil")
    sees = processor(images=[pixels.paint(f) for f in frames(request)], do_resize=False, return_tensors="pt")
    text = _chat.text(tokenizer, request)
    for _, high, wide in sees["image_grid_thw"].tolist():
        text = text.replace("<|image_pad|>", "<|seen|>" * (high * wide // 4), 1)
    ids = tokenizer(text.replace("<|seen|>", "<|image_pad|>"), return_tensors="pt")["input_ids"]
    network = AutoModelForImageTextToText.from_pretrained(model.path, dtype=torch.float32).eval()
    image = network.config.image_token_id
    out = network.generate(
        input_ids=ids, mm_token_type_ids=(ids == image).int(), **sees, do_sample=False, output_logits=True,
        attention_mask=torch.ones_like(ids), max_new_tokens=request.max_tokens, return_dict_in_generate=True,
    )  # fmt: skip
    answer = out.sequences[0, ids.shape[1] :]
    logprobs = torch.cat(out.logits).log_softmax(-1)
    logprob = float(logprobs.gather(1, answer[:, None]).sum())
    return tokenizer.decode(answer, skip_special_tokens=True), logprob, logprobs[0].tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_is_what_transformers_generates(family: str, random_models: Any, bench: Any) -> None:
    model = random_models(family)
    requests = [bench.ask(i, FAMILIES[family].factor, frames=1 + i % 3) for i in range(4)]
    found = run(bench, model, requests)
    for request, responses in zip(requests, found, strict=True):
        text, logprob, _ = by_transformers(model, request, bench.Pixels)
        assert responses[0].text == text
        assert responses[0].logprob == pytest.approx(logprob, abs=1e-2)


def test_choices_have_the_log_probabilities_of_the_first_token(random_model: Model, bench: Any) -> None:
    request = bench.ask(3, choices=("0", "1", "2"), max_tokens=1)
    warm = replace(request, n=40, temperature=1.0)
    [[cold], drawn] = run(bench, random_model, [request, warm])
    _, _, logits = by_transformers(random_model, request, bench.Pixels)
    ids = _chat.choice_ids(_chat.load_tokenizer(Settings(model=random_model)), request)
    expected = dict(zip(request.choices, [logits[i] for i in ids], strict=True))
    assert cold.choice_logprobs == pytest.approx(expected, abs=1e-3)
    assert cold.text == max(expected, key=lambda choice: expected[choice])
    assert cold.logprob == cold.choice_logprobs[cold.text]
    assert (cold.tokens, cold.finish) == (1, "stop")
    assert {response.text for response in drawn} <= set(request.choices)
    total = sum(math.exp(value) for value in expected.values())
    likeliest = math.exp(expected[cold.text]) / total
    assert sum(response.text == cold.text for response in drawn) / 40 == pytest.approx(likeliest, abs=0.25)


def test_an_answer_does_not_depend_on_what_is_batched_with_it(random_model: Model, bench: Any) -> None:
    how = [{}, {"temperature": 1.0}, {"temperature": 0.7, "top_p": 0.8}, {"repetition_penalty": 1.2, "max_tokens": 9}]
    requests = [bench.ask(i, frames=1 + i % 4, **how[i % 4]) for i in range(12)]
    together = bench.texts(run(bench, random_model, requests))
    alone = bench.texts(run(bench, random_model, requests, together=False))
    assert together == alone
    assert len({texts[0] for texts in together}) > 6


def test_rollouts_can_be_added_later(random_model: Model, bench: Any) -> None:
    request = bench.ask(1, n=4, temperature=1.0)
    parts = [replace(request, n=1), replace(request, first=1, n=2), replace(request, first=3, n=1)]
    whole, *rest = run(bench, random_model, [request, *parts])
    assert [r for responses in rest for r in responses] == [replace(r, logprob=pytest.approx(r.logprob)) for r in whole]
    assert [response.rollout for response in whole] == [0, 1, 2, 3]
    assert len({response.text for response in whole}) == 4


def test_more_rollouts_than_places_and_few_positions(random_model: Model, bench: Any) -> None:
    requests = [bench.ask(i, n=3, temperature=1.0, max_tokens=1 + i) for i in range(8)]
    small = engine(Settings(model=random_model, options={"batch": 2, "memory": 0.001}), bench.Pixels())
    assert bench.texts(bench.run(small, requests)) == bench.texts(run(bench, random_model, requests))


def test_a_bad_request_fails_alone(random_model: Model, bench: Any) -> None:
    good = bench.ask(0)
    bad = {
        VideoError: Request(parts=(Frame(video="broken.mp4", time=0, size=(56, 56)), "?")),
        EngineError: Request(parts=("word " * 3000,)),
    }
    odd = Request(parts=(Frame(video="0.mp4", time=0, size=(50, 56)), "?"))
    copies = replace(good, n=2)
    long = replace(good, choices=("yes", "no"))
    found = run(bench, random_model, [good, *bad.values(), odd, copies, long, good])
    assert [type(x) for x in found[1:3]] == list(bad)
    assert [str(x).split(";")[0] for x in found[2:6]] == [
        found[2].args[0].split(";")[0],
        "qwen2_5_vl takes frames with sides of 28s, not 50x56 pixels",
        "2 rollouts at temperature 0 would be copies",
        "the choice 'yes' is 3 tokens for this model",
    ]
    assert "takes 2048" in str(found[2])
    assert found[0] == found[-1]


def test_a_failure_inside_the_model_fails_those_it_concerns(
    random_model: Model, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.engines._decoder import Decoder

    read = Decoder.read

    def fails(self: Decoder, prompts: Any) -> Any:
        if any(len(prompt.blocks) == 2 for prompt in prompts):
            raise RuntimeError("out of memory")
        return read(self, prompts)

    monkeypatch.setattr(Decoder, "read", fails)
    found = run(bench, random_model, [bench.ask(i, frames=i) for i in range(1, 4)])
    assert [isinstance(x, EngineError) for x in found] == [False, True, False]


def test_a_start_that_fails_half_way_is_made_again(
    random_model: Model, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.engines._memory import Memory

    requests = [bench.ask(i, n=2, temperature=1.0) for i in range(3)]
    expected = bench.texts(run(bench, random_model, requests))
    take, calls = Memory.take, []

    def fails(self: Memory, *args: Any) -> None:
        calls.append(args[0])
        if len(calls) == 4:
            raise RuntimeError("out of memory")
        take(self, *args)

    monkeypatch.setattr(Memory, "take", fails)
    assert bench.texts(run(bench, random_model, requests)) == expected


def oom(kind: str) -> Exception:
    import torch

    texts = {"gpu": "CUDA out of memory", "cpu": "DefaultCPUAllocator: can't allocate memory", "python": ""}
    return {"gpu": torch.OutOfMemoryError, "cpu": RuntimeError, "python": MemoryError}[kind](texts[kind])


@pytest.mark.parametrize("kind", ["gpu", "cpu", "python"])
def test_where_memory_runs_out_fewer_are_decoded_at_a_time(
    kind: str, random_model: Model, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.engines._decoder import Decoder

    requests = [bench.ask(i, n=2, temperature=1.0) for i in range(4)]
    expected, step, most = bench.texts(run(bench, random_model, requests)), Decoder.step, []

    def tight(self: Decoder) -> Any:
        most.append(len(self.rows))
        if len(self.rows) > 4:
            raise oom(kind)
        return step(self)

    monkeypatch.setattr(Decoder, "step", tight)
    assert bench.texts(run(bench, random_model, requests)) == expected
    assert max(most) > 4


def test_a_request_for_which_there_is_no_memory_fails_alone(
    random_model: Model, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.engines._decoder import Decoder

    step = Decoder.step

    def tight(self: Decoder) -> Any:
        if any(row.request.n == 3 for row in self.rows):
            raise oom("gpu")
        return step(self)

    monkeypatch.setattr(Decoder, "step", tight)
    found = run(bench, random_model, [bench.ask(i, n=2 + (i == 1), temperature=1.0) for i in range(3)])
    assert [isinstance(x, EngineError) and "out of memory" in str(x) for x in found] == [False, True, False]


def test_frames_for_which_there_is_no_memory_fail_their_request_alone(
    random_model: Model, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.engines._sights import Sights

    look = Sights._look

    def tight(self: Sights, patches: Any) -> Any:
        if len(patches["image_grid_thw"]) == 2:
            raise oom("gpu")
        return look(self, patches)

    monkeypatch.setattr(Sights, "_look", tight)
    found = run(bench, random_model, [bench.ask(3 * i, frames=i) for i in range(1, 4)])
    assert [isinstance(x, EngineError) and "cannot be looked at" in str(x) for x in found] == [False, True, False]


def test_a_cancelled_request_leaves_the_others(random_model: Model, bench: Any) -> None:
    async def go() -> Any:
        made = engine(Settings(model=random_model), bench.Pixels())
        await made.start()
        given_up = asyncio.create_task(made.generate(bench.ask(0, max_tokens=1500)))
        kept = asyncio.create_task(made.generate(bench.ask(1)))
        await asyncio.sleep(0.2)
        given_up.cancel()
        found = await kept
        await made.close()
        with pytest.raises(EngineError, match="not running"):
            await made.generate(bench.ask(1))
        return found

    assert bench.texts([asyncio.run(go())]) == bench.texts(run(bench, random_model, [bench.ask(1)]))


def test_a_frame_is_looked_at_once(random_model: Model, bench: Any) -> None:
    pixels = bench.Pixels()
    bench.texts(
        bench.run(engine(Settings(model=random_model), pixels), [bench.ask(i) for i in range(5)], together=False)
    )
    assert pixels.asked == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"options": {"bach": 3}}, "no option 'bach'"),
        ({"options": {"batch": "many"}}, "cannot be 'many'"),
        ({"tensor_parallel": 2}, "use --engine vllm"),
        ({"model": None}, "set --model"),
    ],
)
def test_settings_it_does_not_have(settings: dict[str, Any], message: str, random_model: Model, bench: Any) -> None:
    with pytest.raises(UsageError, match=message):
        engine(replace(Settings(model=random_model), **settings), bench.Pixels())


@pytest.mark.parametrize("lost", ["tokenizer.json", "preprocessor_config.json", "model.safetensors"])
def test_a_folder_that_lacks_something(lost: str, random_model: Model, bench: Any, tmp_path: Path) -> None:
    (tmp_path / "rest.safetensors").touch()
    for file in random_model.path.iterdir():
        if file.name != lost:
            (tmp_path / file.name).symlink_to(file)
    with pytest.raises(DataError, match=str(tmp_path)) as caught:
        run(bench, resolve(tmp_path), [])
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, HarnessError)


def test_it_needs_no_torchvision(random_model: Model) -> None:
    code = f"""
import sys; sys.modules["torchvision"] = None
import asyncio
from PIL import Image
from harness.engines import Settings
from harness.engines.transformers import engine
from harness.model import resolve
from harness.records import Frame, Request
class Pixels:
    async def get(self, frames):
        return [Image.new("RGB", frame.size) for frame in frames]
async def go():
    made = engine(Settings(model=resolve({str(random_model.path)!r})), Pixels())
    await made.start()
    [answer] = await made.generate(Request(parts=(Frame(video="v", time=0, size=(56, 56)), "?"), max_tokens=3))
    await made.close()
    return answer
assert asyncio.run(go()).tokens == 3
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
