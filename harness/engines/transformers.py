"""Answers with transformers, on a CPU or one GPU: the default where vLLM is not.

Waiting requests are gathered into batches. A frame goes through the vision tower once for all questions about it, and
a prompt through the model once for all its rollouts; a rollout's text depends on its seed, not on its batch.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from harness.contracts import Pixels
from harness.engines import Settings, _chat, check
from harness.engines._decoder import Decoder, Prompt, Row
from harness.engines._layout import Layout
from harness.engines._sights import Sights
from harness.errors import DataError, EngineError, UsageError
from harness.families import FAMILIES
from harness.records import Request, Response

T = TypeVar("T")

OPTIONS = {"device": str, "batch": int, "memory": (int, float)}
"""The engine's options: where to run, rollouts decoded together, GiB for their keys and values."""

PREFILL = 16384
"""Prompt tokens, padding included, that are read at once."""


@dataclass(slots=True, eq=False)
class Job:
    """A request, and where its rollouts are awaited."""

    prompt: Prompt
    future: asyncio.Future[list[Response]]
    done: list[Response] = field(default_factory=list)

    @property
    def places(self) -> int:
        """Rows of the batch that it needs; a choice is made without one."""
        return 0 if self.prompt.choices else self.prompt.request.n


class Transformers:
    """The engine."""

    def __init__(self, settings: Settings, pixels: Pixels) -> None:
        """Check the options."""
        for key, value in settings.options.items():
            if key not in OPTIONS:
                raise UsageError(f"the transformers engine has no option {key!r}; there are: {', '.join(OPTIONS)}")
            if not isinstance(value, OPTIONS[key]) or isinstance(value, bool):  # type: ignore[arg-type]
                raise UsageError(f"the transformers engine's option {key!r} cannot be {value!r}")
        if settings.tensor_parallel != 1:
            raise UsageError("the transformers engine uses one device; use --engine vllm for several GPUs")
        self.settings = settings
        self.model = settings.need_model()
        self.pixels = pixels
        self._room = asyncio.Semaphore(settings.max_in_flight)
        self._awake = asyncio.Event()
        self._waiting: deque[Job] = deque()
        self._running: dict[Prompt, Job] = {}
        self._thread = ThreadPoolExecutor(1, "transformers", _enter_thread)
        self._server: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load the model."""
        await self._compute(self._load)
        self._server = asyncio.create_task(self._serve())

    @property
    def alive(self) -> bool:
        """Whether it still decodes."""
        return self._server is not None and not self._server.done()

    async def close(self) -> None:
        """Stop; requests under way fail."""
        if self._server is not None:
            self._server.cancel()
            await asyncio.gather(self._server, return_exceptions=True)
        self._thread.shutdown()

    async def generate(self, request: Request) -> list[Response]:
        """The rollouts, in order."""
        check(request, clips=True)
        if self._server is None or self._server.done():
            raise EngineError("the transformers engine is not running; start it first")
        async with self._room:
            ready = await self._prepare(request)
            job = Job(ready, asyncio.get_running_loop().create_future())
            self._waiting.append(job)
            self._awake.set()
            return await job.future

    async def _compute(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def _load(self) -> None:
        import torch
        from transformers import AutoImageProcessor, AutoModelForCausalLM, AutoModelForImageTextToText
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        path, trust = self.model.path, self.settings.trust_remote_code
        device = self.settings.options.get("device", "cuda" if torch.cuda.is_available() else "cpu")
        kind = _chat.dtype(self.settings.dtype, gpu=device != "cpu")
        self._tokenizer = _chat.load_tokenizer(self.settings)
        sees = self.model.family in FAMILIES
        loader = AutoModelForImageTextToText if sees else AutoModelForCausalLM
        processor = None
        try:
            if sees:
                # The PIL backend: the other one needs torchvision.
                processor = AutoImageProcessor.from_pretrained(path, backend="pil", trust_remote_code=trust)
            model = loader.from_pretrained(path, dtype=kind, trust_remote_code=trust, attn_implementation="sdpa")
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be loaded: {str(error).splitlines()[0]}") from error
        self._decoder = Decoder(model.to(device).eval(), _stops(model, self._tokenizer), sees=sees)
        self._layout = Layout(self._tokenizer, model.config, self.model.family)
        self._sights = Sights(self.pixels, processor, model, self._compute)
        self._batch = int(self.settings.options.get("batch", 64))
        self._tokens = _token_budget(self.settings.options.get("memory"), model)

    async def _prepare(self, request: Request) -> Prompt:
        choices = _chat.choice_ids(self._tokenizer, request)
        ids, blocks = self._layout.lay(request)
        if len(ids) >= self._decoder.context:
            raise EngineError(
                f"the prompt has {len(ids)} tokens and {self.model.name} takes {self._decoder.context}; "
                "use fewer or smaller frames"
            )
        patches = [patch for block in blocks for patch in block.patches]
        try:
            sights = await self._sights.see(patches)
        except (RuntimeError, MemoryError) as error:
            raise EngineError(f"the frames cannot be looked at: {error}") from error
        return Prompt(request, ids, blocks, sights, choices)

    async def _serve(self) -> None:
        try:
            while True:
                await self._awake.wait()
                self._awake.clear()
                while self._waiting or self._running:
                    await self._turn()
        finally:
            for job in [*self._waiting, *self._running.values()]:
                _fail(job, EngineError("the transformers engine stopped before the request was answered"))

    async def _turn(self) -> None:
        """Let in what there is room for, then go on with what is running."""
        gone = [row for row in self._decoder.rows if self._running[row.prompt].future.done()]
        if gone:
            await self._compute(self._decoder.drop, gone)
            self._running = {row.prompt: self._running[row.prompt] for row in self._decoder.rows}
        group = self._group()
        if group:
            await self._admit(group)
        try:
            finished = await self._compute(self._decoder.step)
        except (RuntimeError, MemoryError) as error:
            self._start_again(error)
        else:
            self._collect(finished)

    def _start_again(self, error: Exception) -> None:
        """Where memory ran out, have all that was running start anew, half as many at a time; else it has failed."""
        rows, jobs = self._decoder.rows, [*self._running.values()]
        self._running.clear()
        if len(jobs) > 1 and _out_of_memory(error):
            self._tokens = len(rows) * max(len(row.prompt.ids) + row.limit for row in rows) // 2
            for job in jobs:
                job.done.clear()
            self._waiting.extendleft(reversed(jobs))
        else:
            for job in jobs:
                _fail(job, EngineError(f"decoding failed: {error}"))
        self._decoder.reset()

    def _group(self) -> list[Job]:
        group: list[Job] = []
        rows, width = len(self._decoder.rows), 0
        longest = max((len(row.prompt.ids) + row.limit for row in self._decoder.rows), default=0)
        while self._waiting:
            job = self._waiting[0]
            size = len(job.prompt.ids)
            rows += job.places
            longest = max(longest, size + job.prompt.request.max_tokens) if job.places else longest
            width = max(width, size)
            full = job.places and (rows > self._batch or rows * longest > self._tokens)
            if (full and (group or self._decoder.rows)) or (group and width * (len(group) + 1) > PREFILL):
                break
            self._waiting.popleft()
            if not job.future.done():
                group.append(job)
        return group

    async def _admit(self, group: Sequence[Job]) -> None:
        """Start requests; when reading them together fails, each is tried alone, so that only the bad ones fail."""
        self._running |= {job.prompt: job for job in group}
        try:
            rows = await self._compute(self._decoder.admit, [job.prompt for job in group])
        except (RuntimeError, MemoryError) as error:
            begun = {job.prompt for job in group}
            await self._compute(self._decoder.drop, [row for row in self._decoder.rows if row.prompt in begun])
            for job in group:
                del self._running[job.prompt]
                if len(group) == 1:
                    _fail(job, EngineError(f"the prompt cannot be read: {error}"))
                else:
                    await self._admit([job])
        else:
            self._collect(rows)

    def _collect(self, rows: Sequence[Row]) -> None:
        for row in rows:
            job = self._running[row.prompt]
            job.done.append(self._response(row))
            if len(job.done) == row.request.n:
                del self._running[row.prompt]
                if not job.future.done():
                    job.future.set_result(sorted(job.done, key=lambda response: response.rollout))

    def _response(self, row: Row) -> Response:
        choices, logprobs = row.request.choices, row.choice_logprobs
        text = self._tokenizer.decode(row.tokens, skip_special_tokens=True)
        return Response(
            rollout=row.rollout,
            text=choices[row.choices.index(row.tokens[0])] if choices else text,
            finish=row.finish or "stop",
            tokens=len(row.tokens),
            prompt_tokens=len(row.prompt.ids),
            logprob=row.logprob,
            choice_logprobs=dict(zip(choices, logprobs, strict=True)) if logprobs else None,
        )


def _fail(job: Job, error: EngineError) -> None:
    if not job.future.done():
        job.future.set_exception(error)


def _out_of_memory(error: Exception) -> bool:
    """Whether that is what is wrong; on a CPU torch says so in words alone."""
    import torch

    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def _enter_thread() -> None:
    """Settings of the thread that the model runs on: no gradients, and one core left for decoding video."""
    import torch

    torch.set_grad_enabled(False)
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() - 1))


def _stops(model: Any, tokenizer: Any) -> set[int]:
    ends = model.generation_config.eos_token_id
    found = set(ends) if isinstance(ends, (list, tuple)) else {ends}
    return {int(token) for token in found | {tokenizer.eos_token_id} if token is not None}


def _token_budget(gib: float | None, model: Any) -> int:
    """Positions of keys and values that fit the memory: by default 2 GiB, on a GPU half of what is free."""
    import torch

    text = model.config.get_text_config()
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    each = 2 * text.num_hidden_layers * text.num_key_value_heads * width * model.dtype.itemsize
    free = torch.cuda.mem_get_info(model.device)[0] / 2 if model.device.type == "cuda" else 2 * 2**30
    return int((gib * 2**30 if gib else free) // each)


engine = Transformers
