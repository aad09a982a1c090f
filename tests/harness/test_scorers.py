"""Scorers against transformers called directly, with tiny random models, and against what is drawn."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.errors import DataError
from harness.manifest import fingerprint_model
from harness.scorers.clip import Clip
from harness.scorers.shapes import Shapes
from harness.shapes import clip, render
from harness.store import read_records

Command = Callable[..., Any]

TOWER = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
WORDS = ["<pad>", "<start>", "<end>", "<unk>", "red", "green", "circle", "square", "when", "is", "the", "visible"]
LONGEST = 9
KINDS = ("CLIP", "Siglip")


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as transformers saves it: random weights, a tokenizer of words, an image processor."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    name = str(request.param)
    path = tmp_path_factory.mktemp("models") / name
    numbers = {word: number for number, word in enumerate(WORDS)}
    text = {**TOWER, "vocab_size": len(WORDS), "max_position_embeddings": LONGEST}
    text |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    vision = {**TOWER, "image_size": 16, "patch_size": 8}
    config = getattr(transformers, f"{name}Config")(text_config=text, vision_config=vision)
    torch.manual_seed(7)
    getattr(transformers, f"{name}Model")(config).eval().save_pretrained(path)
    words = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 1), ("<end>", 2)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", bos_token="<start>", eos_token="<end>", unk_token="<unk>"
    ).save_pretrained(path)
    size: dict[str, int] = {"height": 16, "width": 16}
    crop = {"size": {"shortest_edge": 16}, "crop_size": size} if name == "CLIP" else {"size": size}
    kind = {"image_processor_type": f"{name}ImageProcessor"}
    (path / "preprocessor_config.json").write_text(json.dumps({**kind, **crop}))
    return path


def pictures() -> list[Image.Image]:
    random = np.random.default_rng(3)
    return [Image.fromarray(random.integers(0, 255, (24, 40, 3), np.uint8)) for _ in range(5)]


def directly(folder: Path, question: str) -> Any:
    """Cosines as the published program takes them, one picture at a time, by transformers itself."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(question, truncation=True, max_length=LONGEST)["input_ids"]
    if folder.name == "Siglip":
        ids = ids + [0] * (LONGEST - len(ids))
    found = []
    with torch.no_grad():
        text = model.get_text_features(input_ids=torch.tensor([ids])).pooler_output
        for picture in pictures():
            if folder.name == "CLIP":
                short = picture.resize((26, 16), Image.Resampling.BICUBIC).crop((5, 0, 21, 16))
                mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
            else:
                short, mean, std = picture.resize((16, 16), Image.Resampling.BICUBIC), (0.5,) * 3, (0.5,) * 3
            values = (np.asarray(short, np.float32) / 255 - np.array(mean)) / np.array(std)
            tensor = torch.tensor(values.transpose(2, 0, 1)[None], dtype=torch.float32)
            image = model.get_image_features(pixel_values=tensor).pooler_output
            found.append(torch.nn.functional.cosine_similarity(text, image).item())
    return found


def test_scores_are_the_cosines_of_the_embeddings(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    scorer = Clip(str(folder))
    assert scorer.folder == folder
    scorer.start()
    seen = scorer.look(pictures())
    assert seen.shape == (5, len(seen[0])) and seen.dtype == np.float32
    assert np.allclose(scorer.look(pictures()[:1])[0], seen[0], atol=1e-5)
    with caplog.at_level(logging.WARNING):
        for question in ("when is the red circle visible", "green square", ""):
            assert scorer.score(question, seen) == pytest.approx(directly(folder, question), abs=1e-4)
        assert not caplog.records
        for _ in range(2):
            long = "when is the red circle visible when is the green square visible"
            assert scorer.score(long, seen) == pytest.approx(directly(folder, long), abs=1e-4)
    assert [record.getMessage() for record in caplog.records] == [
        f"the scorer reads {LONGEST} tokens of a question; {long[:60]!r} has 14 and is cut"
    ]
    assert len(set(scorer.score("red circle", seen))) > 1


def test_a_run_holds_to_the_weights_that_chose_its_frames(folder: Path, run: Command, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(folder, tmp_path / "mine"))
    words = ["--frames", "aks:2:2", "--scorer", f"clip:{mine}"]
    assert run(*words).code == 0
    told = json.loads((tmp_path / "run/run.json").read_text())["settings"]["video"]["scorer"]
    assert told == {"name": "clip", "version": 1, "model": "mine", "fingerprint": fingerprint_model(folder)}
    views = [record.view for record in read_records(tmp_path / "run") if record.view]
    assert len(views) == 15 and {len(view.times) for view in views} == {2}
    assert "key frames: chosen by clip mine" in (tmp_path / "run/report.md").read_text()
    (mine / "vocabulary.json").write_text("{}")
    said = run(*words)
    assert said.code == 2 and "video.scorer.fingerprint was" in said.err


def test_a_folder_of_another_kind_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(DataError, match="cannot be loaded"):
        Clip(str(tmp_path)).start()
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(DataError, match=r"must hold \*.safetensors files"):
        Clip(str(tmp_path))


def test_a_model_without_embeddings_of_texts_is_refused() -> None:
    from harness.model import CHECKPOINTS

    with pytest.raises(DataError, match="which has no embeddings of images and texts|cannot be loaded"):
        Clip(str(CHECKPOINTS / "nano")).start()


def test_the_colours_that_a_question_names_are_found_in_the_pixels() -> None:
    scorer, right, total = Shapes(""), 0, 0
    for seed in range(12):
        made = clip.make(4 * 10**9 + seed)
        times = [t / 2 for t in range(2 * made.duration)]
        seen = scorer.look([Image.fromarray(render.frame(made, time)) for time in times])
        for colour in clip.COLOURS:
            scores = scorer.score(f"When is the {colour} circle visible?", seen)
            there = [any(t.colour == colour and t.visible(time) for t in made.things) for time in times]
            right += sum((score > 0.5) == truth for score, truth in zip(scores, there, strict=True))
            total += len(times)
        assert set(scorer.score("Which of these objects appears first?", seen)) == {0.0}
    assert right > 0.98 * total
