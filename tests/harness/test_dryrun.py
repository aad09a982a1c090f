"""`harness run --dry-run`: what it tells is true, and nothing is written."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.dryrun import LOOKED_AT, draw
from harness.records import Sample

Command = Callable[..., Any]

CONFIG = {
    "model_type": "qwen2_5_vl",
    "max_position_embeddings": 4000,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 64,
    "vision_start_token_id": 258,
    "vision_end_token_id": 259,
    "image_token_id": 260,
    "video_token_id": 262,
}
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{% for c in m['content'] %}{% if c['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>{% endfor %}"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with a tokenizer of bytes and the head of a file of weights, but no weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model") / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(
        ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|endoftext|>"]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=TEMPLATE
    ).save_pretrained(folder)
    head = {"__metadata__": {"format": "pt"}} | {
        name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in (("a", [10, 50]), ("b", [7]))
    }
    text = json.dumps(head).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    return folder


@pytest.fixture
def dry(run: Command, model: Path, tmp_path: Path) -> Command:
    def command(*words: object) -> Any:
        said = run("--dry-run", "--model", model, "--dtype", "float32", *words)
        assert not (tmp_path / "run").exists() and not (tmp_path / "cache").exists()
        return said

    return command


def test_it_tells_what_would_be_asked_and_needed(dry: Command) -> None:
    said = dry("-n", 4, "--temperature", 1, "--max-tokens", 100, "--in-flight", 2)
    assert said.code == 0 and "nothing is asked and nothing is written" in said.out
    (row,) = [line.split() for line in said.out.splitlines() if line.startswith("colours")]
    assert row[:6] == ["colours", "15", "5", "15", "2", "(2)"] and row[-1] == f"{15 * 4 * 100:,}"
    assert "weights: 507 parameters x 4 bytes" in said.out
    # 2 x 3 layers x 2 heads x 16 numbers x 4 bytes
    assert "keys and values: 768 bytes a token" in said.out and "time: not estimated" in said.out
    assert "(100" not in said.out and "+ 4 x 100) tokens a sample" in said.out


def test_time_needs_a_rate(dry: Command) -> None:
    assert "time: at most 1 min 40 s at 15 generated tokens a second" in dry("--max-tokens", 100, "--rate", 15).out
    assert dry("--rate", 0).code == 2


def test_a_rate_is_for_a_dry_run(run: Command) -> None:
    said = run("--rate", 10)
    assert said.code == 2 and "--dry-run" in said.err


def test_questions_that_are_too_long_are_named(dry: Command) -> None:
    said = dry("--max-tokens", 3900)
    assert said.code == 1 and "TOO LONG: 15 of 15 colours questions pass the context of 4,000 tokens: q0 (" in said.out
    assert "TOO LONG" not in dry("--max-tokens", 3900, "--engine-option", "max_model_len=9000").out


def test_broken_videos_are_named(dry: Command, data: Path, tmp_path: Path) -> None:
    import shutil

    spoilt = tmp_path / "spoilt"
    shutil.copytree(data, spoilt)
    (spoilt / "colours/1.mp4").write_bytes(b"no video")
    said = dry("--data", spoilt)
    assert said.code == 1 and "BROKEN: 3 of 15 colours questions have no video: q3: " in said.out


def test_mistakes_are_told_first(dry: Command, data: Path, model: Path, tmp_path: Path) -> None:
    assert dry("-o", "colours.strict=perhaps").code == 2
    said = dry("--out", data)
    assert said.code == 2 and "is not a run folder" in said.err
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in model.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "model.safetensors").write_bytes(b"\0" * 4)
    assert "has no readable head" in dry("--model", broken).err
    config = {key: value for key, value in CONFIG.items() if key != "num_hidden_layers"}
    (broken / "config.json").write_text(json.dumps(config))
    assert "does not tell the shape" in dry("--model", broken).err


def test_without_a_model_nothing_is_made_up(run: Command, tmp_path: Path) -> None:
    said = run("--dry-run")
    assert said.code == 0 and "tokens and memory are not counted" in said.out and not (tmp_path / "run").exists()


def test_a_few_questions_of_many_are_drawn_by_the_seed() -> None:
    many = [Sample(id=f"{k}", item="1", kind="what", video="v", question="?") for k in range(1000)]
    assert draw(many, 0, "a") == draw(many, 0, "a") != draw(many, 1, "a")
    assert len(draw(many, 0, "a")) == LOOKED_AT and draw(many[:9], 0, "a") == many[:9]
