"""A tiny random model of each family, made-up pixels, and a server on loopback."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from harness.contracts import Engine
from harness.errors import VideoError
from harness.families import FAMILIES
from harness.model import Model, resolve
from harness.records import Clip, Frame, Request

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
           "<|image_pad|>", "<|video_pad|>")  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}{% if c['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% elif c['type'] == 'video' %}"
    "<|vision_start|><|video_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class MadeUp:
    """Pixels that are a colour gradient fixed by the frame; a video named "broken" has none."""

    def __init__(self) -> None:
        self.asked = 0

    async def get(self, frames: Sequence[Frame]) -> list[Image.Image]:
        await asyncio.sleep(0)
        self.asked += len(frames)
        if any("broken" in frame.video for frame in frames):
            raise VideoError("broken.mp4 cannot be decoded")
        return [self.paint(frame) for frame in frames]

    @staticmethod
    def paint(frame: Frame) -> Image.Image:
        seed = sum(map(ord, frame.video)) + int(frame.time * 100)
        bands = [Image.linear_gradient("L").rotate(90 * ((seed + i) % 4)) for i in range(3)]
        shifted = [ImageChops.offset(band, 67 * i + seed, 31 * seed) for i, band in enumerate(bands)]
        return Image.merge("RGB", shifted).resize(frame.size)


class Bench:
    """Requests, pixels, and a way to put the ones to an engine that sees the others."""

    Pixels = MadeUp

    @staticmethod
    def ask(number: int, unit: int = 28, frames: int = 4, **how: Any) -> Request:
        """Question `number`; five in a row are about one video."""
        parts: list[str | Frame] = []
        for i in range(frames):
            frame = Frame(video=f"{number // 5}.mp4", time=float(i), size=(4 * unit, 3 * unit))
            parts += [f"Frame {i + 1} at {i}.0s: ", frame, "\n"]
        text = f"Question {number}: what is seen" + " again" * (number % 7) + "?"
        return Request(parts=(*parts, text), **{"max_tokens": 24, "seed": 100 * number} | how)

    @staticmethod
    def film(number: int, unit: int = 28, times: Sequence[float] = (0, 1, 2, 3), pace: float | None = None,
             **how: Any) -> Request:  # fmt: skip
        """Question `number` about a video; five in a row are about the same one."""
        size = (4 * unit, 3 * unit)
        frames = tuple(Frame(video=f"{number // 5}.mp4", time=time, size=size) for time in times)
        text = f"\nQuestion {number}: what is seen" + " again" * (number % 7) + "?"
        return Request(parts=(Clip(frames=frames, pace=pace), text), **{"max_tokens": 24, "seed": 100 * number} | how)

    @staticmethod
    async def put(engine: Engine, requests: Sequence[Request], *, together: bool = True) -> list[Any]:
        """The answers to requests, or their errors."""
        if together:
            answers = asyncio.gather(*map(engine.generate, requests), return_exceptions=True)
            return await asyncio.wait_for(answers, 600)
        return [(await asyncio.gather(engine.generate(x), return_exceptions=True))[0] for x in requests]

    @classmethod
    def run(cls, engine: Engine, requests: Sequence[Request], *, together: bool = True) -> list[Any]:
        """The same, from the engine's start to its end."""

        async def go() -> list[Any]:
            try:
                await engine.start()
                return await cls.put(engine, requests, together=together)
            finally:
                await engine.close()

        return asyncio.run(go())

    @staticmethod
    def texts(outcomes: Sequence[Any]) -> list[list[str]]:
        """The texts of answers; raises what went wrong."""
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return [[response.text for response in outcome] for outcome in outcomes]


@pytest.fixture(scope="session")
def bench() -> Bench:
    return Bench()


def write_tokenizer(folder: Path) -> dict[str, int]:
    """A byte-level tokenizer with Qwen's special tokens; their ids."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=TEMPLATE
    )
    fast.save_pretrained(folder)
    return {name: len(alphabet) + i for i, name in enumerate(SPECIAL)}


def write_config(ids: dict[str, int], family: str) -> Any:
    from transformers import Qwen2_5_VLConfig, Qwen2Config, Qwen2VLConfig, Qwen3VLConfig, Qwen3VLMoeConfig

    text: dict[str, Any] = {
        "vocab_size": 272,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": True,
        "initializer_range": 0.2,
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [8, 12, 12]},
    }
    if family == "qwen2":
        return Qwen2Config(**text | {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}})
    names: dict[str, Any] = {f"{kind}_token_id": ids[f"<|{kind}|>"] for kind in ("vision_start", "vision_end")}
    names |= {"image_token_id": ids["<|image_pad|>"], "video_token_id": ids["<|video_pad|>"]}
    vision: dict[str, Any] = {"depth": 2, "num_heads": 2, "intermediate_size": 128, "out_hidden_size": 128,
                              "spatial_merge_size": 2, "temporal_patch_size": 2, "hidden_size": 64}  # fmt: skip
    if family in ("qwen3_vl", "qwen3_vl_moe"):
        vision |= {"patch_size": 16, "num_position_embeddings": 256, "deepstack_visual_indexes": [0]}
        # As in the released weights: transformers interleaves whatever it says, vLLM only if it says so.
        text |= {"head_dim": 64, "rope_parameters": {**text["rope_parameters"], "mrope_interleaved": True}}
        if family == "qwen3_vl":
            return Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **names)
        text |= {"moe_intermediate_size": 64, "num_experts": 4, "num_experts_per_tok": 2}
        return Qwen3VLMoeConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **names)
    if family == "qwen2_vl":
        vision |= {"patch_size": 14, "embed_dim": 64, "hidden_size": 128, "mlp_ratio": 2}
        return Qwen2VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **names)
    vision |= {"patch_size": 14, "window_size": 112, "fullatt_block_indexes": [1], "tokens_per_second": 2}
    return Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **names)


def build(folder: Path, family: str) -> Path:
    """Write a random model that says something different about each frame."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    folder.mkdir(parents=True)
    ids = write_tokenizer(folder)
    torch.manual_seed(0)
    loader: Any = AutoModelForImageTextToText if family in FAMILIES else AutoModelForCausalLM
    model = loader.from_config(write_config(ids, family), dtype=torch.float32)
    model.generation_config.eos_token_id = [ids["<|im_end|>"], ids["<|endoftext|>"]]
    model.save_pretrained(folder)
    if family not in FAMILIES:
        return folder
    kind = {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2_5_VLProcessor"}
    processor = kind | {"size": {"shortest_edge": 3136, "longest_edge": 200704}, "temporal_patch_size": 2,
                        "patch_size": FAMILIES[family].factor // 2, "merge_size": 2,
                        "image_mean": [0.5] * 3, "image_std": [0.5] * 3}  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


@pytest.fixture(scope="session")
def random_models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """The random model of a family, or of a type that sees nothing."""
    new = tmp_path_factory.mktemp
    return cache(lambda family: resolve(build(new("models") / f"random-{family}", family), sees=family in FAMILIES))


@pytest.fixture(scope="session")
def random_model(random_models: Callable[[str], Model]) -> Model:
    return random_models("qwen2_5_vl")


Reply = dict[str, Any] | tuple[int, Any, dict[str, str]]


def completion(*texts: str, logprobs: list[Any] | None = None, finish: str = "stop") -> dict[str, Any]:
    """A completion with those texts; `logprobs` are the contents of each one's logprobs."""
    choices = [
        {
            "index": i,
            "finish_reason": finish,
            "message": {"role": "assistant", "content": text},
            "logprobs": {"content": logprobs[i]} if logprobs else None,
        }
        for i, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 9, "completion_tokens": 5 * len(texts) + 1, "total_tokens": 0}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": "tiny", "choices": choices, "usage": usage}


def token(text: str, logprob: float, **top: float) -> dict[str, Any]:
    likeliest = [{"token": name, "logprob": value, "bytes": None} for name, value in top.items()]
    return {"token": text, "logprob": logprob, "bytes": None, "top_logprobs": likeliest}


class StandIn(ThreadingHTTPServer):
    """A server whose `answer` makes a completion, or (status, body, headers), of each call."""

    daemon_threads = True
    request_queue_size = 128
    completion = staticmethod(completion)
    token = staticmethod(token)

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.answer: Callable[[dict[str, Any]], Reply] = lambda call: completion(*["red"] * call["n"])
        self.owner = "someone"
        self.calls: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.paths: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.now = self.most = 0


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        self.server.paths[self.path] += 1
        self.server.keys.append(self.headers["Authorization"])
        card = {"id": "tiny", "object": "model", "created": 0, "owned_by": self.server.owner}
        reply = {"object": "list", "data": [card]} if self.path == "/v1/models" else {"detail": "Not Found"}
        self.reply(200 if "data" in reply else 404, reply, {})

    def do_POST(self) -> None:
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.paths[self.path] += 1
        if self.path == "/tokenize":
            self.reply(200, {"tokens": [ord(letter) for letter in call["prompt"]]}, {})
            return
        with self.server.lock:
            self.server.calls.append(call)
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        made = self.server.answer(call)
        with self.server.lock:
            self.server.now -= 1
        self.reply(*(made if isinstance(made, tuple) else (200, made, {})))

    def reply(self, status: int, body: Any, headers: dict[str, str]) -> None:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        kind = "text/html" if isinstance(body, str) else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A server on loopback, and no key or address in the environment."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
