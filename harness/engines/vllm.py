"""Answers with vLLM, on GPUs or on a CPU: requests go in one by one and vLLM batches them as they come.

The rollouts of a request, and questions about the same frames, share the prefix cache; frames are given at their final
size. Any engine argument of vLLM is an option of this engine.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from harness import families, prompt
from harness.contracts import Pixels
from harness.engines import Settings, _chat, check
from harness.errors import EngineError, UsageError, missing_extra, nearest
from harness.families import PAIR, Family, is_even, pairs, spacing
from harness.records import Clip, Request, Response

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGES = 1024
"""Frames that a prompt may have."""

READY = {"do_resize": False, "do_sample_frames": False}
"""What the processors are told: frames are chosen and have their final size."""

CPU_CONTEXT = 32768
"""The longest prompt on a CPU, where a prompt must be read in one go."""

ENVIRONMENT = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_WORKER_MULTIPROC_METHOD": "spawn"}
CPU_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "2",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) - 1)),
}
"""Environment variables, where they are not set: GiB for keys and values; one core is left for decoding video."""


class Vllm:
    """The engine."""

    def __init__(self, settings: Settings, pixels: Pixels) -> None:
        """Check that vLLM is there and knows the options."""
        for key, value in ENVIRONMENT.items():
            os.environ.setdefault(key, value)
        try:
            from vllm.engine.arg_utils import AsyncEngineArgs
        except ImportError as error:
            raise missing_extra("vllm", "vllm") from error
        known = [field.name for field in fields(AsyncEngineArgs)]
        for key in settings.options:
            if key not in known:
                there = "it takes the arguments of vLLM's AsyncEngineArgs"
                raise UsageError(f"the vllm engine has no option {key!r}; {nearest(key, known)}{there}")
        self.settings = settings
        self.model = settings.need_model()
        self.pixels = pixels
        self._room = asyncio.Semaphore(settings.max_in_flight)
        self._number = itertools.count()
        self._engine: Any = None

    async def start(self) -> None:
        """Load the model in a process of its own."""
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        self._tokenizer = _chat.load_tokenizer(self.settings)
        try:
            config = AsyncEngineArgs(**self._arguments()).create_engine_config()
        except (TypeError, ValueError) as error:
            raise UsageError(f"vLLM refuses its settings: {_first_line(error)}") from error
        self._rate = families.positions_a_second(config.model_config.hf_config)
        try:
            self._engine = AsyncLLM.from_vllm_config(config, disable_log_stats=True)
        except RuntimeError as error:
            raise EngineError(f"vLLM did not start: {_first_line(error)}") from error

    @property
    def alive(self) -> bool:
        """Whether its process is there to answer."""
        return self._engine is not None and not self._engine.errored

    async def close(self) -> None:
        """End the process."""
        if self._engine is not None:
            self._engine.shutdown()
            self._engine = None

    async def generate(self, request: Request) -> list[Response]:
        """The rollouts, in order."""
        from vllm.exceptions import VLLMError

        check(request, clips=self.settings.clips)
        if self._engine is None:
            raise EngineError("the vllm engine is not running; start it first")
        choices = _chat.choice_ids(self._tokenizer, request)
        async with self._room:
            seen = await self._see(request)
            asked = {"prompt": _chat.text(self._tokenizer, request), **seen}
            try:
                output = await self._put(asked, self._sampling(request, choices))
            except (VLLMError, ValueError) as error:
                raise EngineError(f"vLLM: {_first_line(error.__cause__ or error)}") from error
        return [self._response(request, choices, output, k) for k in range(request.n)]

    async def _put(self, asked: Any, sampling: Any) -> Any:
        [ready] = await self._engine.renderer.render_cmpl_async([asked])
        name = str(next(self._number))
        outputs = [output async for output in self._engine.generate(ready, sampling, request_id=name)]
        rollouts = outputs[-1].outputs if outputs else []
        if len(rollouts) != sampling.n or any(one.finish_reason not in ("stop", "length") for one in rollouts):
            raise EngineError("vLLM gave up a request; its log says why")
        return outputs[-1]

    def _arguments(self) -> dict[str, Any]:
        from transformers import AutoConfig
        from vllm.platforms import current_platform

        cpu = bool(current_platform.is_cpu())
        trust = self.settings.trust_remote_code
        limits = {"image": IMAGES, "video": int(self.settings.clips)}
        found = {
            "model": str(self.model.path),
            "dtype": _chat.dtype(self.settings.dtype, gpu=not cpu),
            "tensor_parallel_size": self.settings.tensor_parallel,
            "trust_remote_code": trust,
            **({"limit_mm_per_prompt": limits} if self.model.family in families.FAMILIES else {}),
            "enable_prefix_caching": True,
            "max_num_batched_tokens": 32768,
        }
        if cpu:
            for key, value in CPU_ENVIRONMENT.items():
                os.environ.setdefault(key, value)
            config = AutoConfig.from_pretrained(self.model.path, trust_remote_code=trust).get_text_config()
            length = self.settings.options.get("max_model_len", min(config.max_position_embeddings, CPU_CONTEXT))
            # A seeded request whose prompt is read in parts ends vLLM's CPU engine.
            whole = {"enable_chunked_prefill": False, "max_num_batched_tokens": max(length, 8192)}
            found |= {"enforce_eager": True, "max_model_len": length} | whole
        return found | dict(self.settings.options)

    async def _see(self, request: Request) -> dict[str, Any]:
        """The pixels of a request, as vLLM takes them."""
        frames, clips = prompt.frames(request), prompt.clips(request)
        found: dict[str, list[Any]] = {}
        if frames:
            found["image"] = await self.pixels.get(frames)
        if clips:
            known = families.family(self.model.family)
            found["video"] = [_video(known, clip, self._rate, await self.pixels.get(clip.frames)) for clip in clips]
        return {"multi_modal_data": found, "mm_processor_kwargs": READY} if found else {}

    def _sampling(self, request: Request, choices: list[int]) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        one = {"max_tokens": 1, "allowed_token_ids": choices, "logprob_token_ids": choices}
        return SamplingParams(
            n=request.n,
            temperature=request.temperature,
            top_p=1.0 if choices else request.top_p,
            repetition_penalty=1.0 if choices else request.repetition_penalty,
            # Rollout k of the n draws with this + k.
            seed=request.seed + request.first if request.temperature else None,
            output_kind=RequestOutputKind.FINAL_ONLY,
            detokenize=False,
            **(one if choices else {"max_tokens": request.max_tokens, "logprobs": 0}),
        )

    def _response(self, request: Request, choices: list[int], output: Any, index: int) -> Response:
        one = output.outputs[index]
        logprobs = {i: one.logprobs[0][i].logprob for i in choices}
        text = self._tokenizer.decode(one.token_ids, skip_special_tokens=True)
        return Response(
            rollout=request.first + index,
            text=request.choices[choices.index(one.token_ids[0])] if choices else text,
            finish="stop" if choices or one.finish_reason == "stop" else "length",
            tokens=len(one.token_ids),
            prompt_tokens=len(output.prompt_token_ids),
            logprob=logprobs[one.token_ids[0]] if choices else one.cumulative_logprob,
            choice_logprobs=dict(zip(request.choices, logprobs.values(), strict=True)) if choices else None,
        )


def _video(family: Family, clip: Clip, rate: float, images: Sequence[Image]) -> Any:
    """Frames with the metadata from which vLLM reckons their times: index / fps, or one spacing for all.

    EngineError when that spacing is not theirs.
    """
    import numpy as np

    frames = [frame for pair in pairs(images) for frame in pair]
    fps, indices = 1.0, [time for pair in pairs(clip.times) for time in pair]
    if family.clock == "positions":
        if not is_even(clip, rate):
            raise EngineError(
                f"the frames of {clip.frames[0].video} are not even in time, and vLLM takes one spacing for a video; "
                "use --show images or --engine transformers"
            )
        fps, indices = PAIR / spacing(clip), [float(number) for number in range(len(frames))]
    metadata = {"fps": fps, "frames_indices": indices, "total_num_frames": len(frames)}
    return np.stack([np.asarray(frame) for frame in frames]), metadata


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


engine = Vllm
