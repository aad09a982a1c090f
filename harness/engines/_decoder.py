"""Continuous batching for a model of transformers: rows join when there is room and leave when done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from harness.engines._layout import Block, positions
from harness.engines._memory import Memory
from harness.engines._sampling import pick
from harness.records import Request

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(slots=True, eq=False)
class Prompt:
    """A request made ready for the model."""

    request: Request
    ids: list[int]
    """Tokens, with the placeholders repeated."""
    blocks: list[Block]
    """Where images and videos lie among them."""
    sights: list[tuple[Tensor, ...]]
    """What the vision tower made of each patch of each block."""
    choices: list[int]
    """Tokens that the answer must be one of."""


@dataclass(slots=True, eq=False)
class Row:
    """A rollout on its way."""

    prompt: Prompt
    rollout: int
    draw: Random
    limit: int
    """Tokens it may generate."""
    length: int
    """Tokens in the cache."""
    shift: int
    """What the next position is ahead of `length`; mostly negative, since an image takes few positions."""
    seen: Tensor | None = None
    tokens: list[int] = field(default_factory=list)
    logprob: float = 0.0
    finish: str | None = None
    choice_logprobs: list[float] | None = None

    @property
    def request(self) -> Request:
        """The request it answers."""
        return self.prompt.request

    @property
    def choices(self) -> list[int]:
        """The tokens that the answer must be one of."""
        return self.prompt.choices


class Decoder:
    """The model and the rows it is working on."""

    def __init__(self, model: Any, stops: set[int], *, sees: bool = True) -> None:
        """`stops` are the tokens that end an answer; a model that does not see has plain positions."""
        self.model = model
        self.sees = sees
        self.stops = stops
        self.rows: list[Row] = []
        self.memory = Memory()
        self.context = int(model.config.get_text_config().max_position_embeddings)

    def reset(self) -> None:
        """Drop all rows."""
        self.rows, self.memory = [], Memory()

    def read(self, prompts: Sequence[Prompt]) -> tuple[Tensor, Any, list[int]]:
        """Prefill: logits after each prompt, the cache, and each prompt's position shift.

        Prompts are padded on the right, where causal attention does not look back from.
        """
        import torch

        at = self.model.device
        width = max(len(p.ids) for p in prompts)
        ids = torch.zeros((len(prompts), width), dtype=torch.long)
        places = torch.zeros((3, len(prompts), width), dtype=torch.long)
        shifts = []
        for i, prompt in enumerate(prompts):
            ids[i, : len(prompt.ids)] = torch.tensor(prompt.ids)
            places[:, i, : len(prompt.ids)], shift = positions(len(prompt.ids), prompt.blocks)
            shifts.append(shift)
        out = self.model.model(
            input_ids=ids.to(at),
            position_ids=self._places(places.to(at)),
            use_cache=True,
            **({"mm_encoder_outputs": _seen(prompts)} if self.sees else {}),
        )
        ends = [len(p.ids) - 1 for p in prompts]
        logits = self.model.lm_head(out.last_hidden_state[torch.arange(len(prompts)), ends]).float()
        return logits, out.past_key_values, shifts

    def admit(self, prompts: Sequence[Prompt]) -> list[Row]:
        """Start prompts; the rows that are done with their first token."""
        logits, cache, shifts = self.read(prompts)
        sources = [i for i, prompt in enumerate(prompts) for _ in range(prompt.request.n)]
        rows = [self._row(prompt, k, shifts[i]) for i, prompt in enumerate(prompts) for k in range(prompt.request.n)]
        for row, source in zip(rows, sources, strict=True):
            if row.choices:
                row.choice_logprobs = logits[source].log_softmax(-1)[row.choices].tolist()
        self._extend(rows, logits[sources])
        for row, source in zip(rows, sources, strict=True):
            if row.finish is None:
                self.memory.take(len(self.rows), source, row.length, row.length + row.limit, cache)
                self.rows.append(row)
        return [row for row in rows if row.finish]

    def step(self, most: int = 8) -> list[Row]:
        """Go on for some tokens, or until a row is done; the rows that are."""
        for _ in range(most):
            if not self.rows:
                break
            self._extend(self.rows, self._next())
            if any(row.finish for row in self.rows):
                break
        done = [row for row in self.rows if row.finish]
        self.drop(done)
        return done

    def drop(self, rows: Sequence[Row]) -> None:
        """Take rows out."""
        for row in rows:
            place, last = self.rows.index(row), len(self.rows) - 1
            if place < last:
                self.memory.move(last, place)
                self.rows[place] = self.rows[last]
            self.rows.pop()

    def _next(self) -> Tensor:
        import torch

        at, memory = self.model.device, self.memory
        memory.at = torch.tensor([row.length for row in self.rows], device=at)
        memory.span = max(row.length for row in self.rows) + 1
        shifts = torch.tensor([row.shift for row in self.rows], device=at)
        seen = torch.arange(memory.span, device=at) <= memory.at[:, None]
        out = self.model.model(
            input_ids=torch.tensor([[row.tokens[-1]] for row in self.rows], device=at),
            position_ids=self._places((memory.at + shifts)[None, :, None].expand(3, -1, 1)),
            attention_mask=seen[:, None, None],
            past_key_values=memory,
            use_cache=True,
        )
        for row in self.rows:
            row.length += 1
        logits: Tensor = self.model.lm_head(out.last_hidden_state[:, -1]).float()
        return logits

    def _places(self, three: Tensor) -> Tensor:
        """Positions as the model takes them; without images the three axes are the same."""
        return three if self.sees else three[0]

    def _row(self, prompt: Prompt, index: int, shift: int) -> Row:
        import torch

        request, size = prompt.request, len(prompt.ids)
        rollout = request.first + index
        limit = min(request.max_tokens, self.context - size)
        row = Row(prompt, rollout, Random(request.seed + rollout), limit, size, shift)
        if request.repetition_penalty != 1 and not prompt.choices:
            row.seen = torch.zeros(self.model.config.get_text_config().vocab_size, dtype=torch.bool)
            row.seen[prompt.ids] = True
            row.seen = row.seen.to(self.model.device)
        return row

    def _extend(self, rows: Sequence[Row], logits: Tensor) -> None:
        for row, token, logprob in zip(rows, *pick(logits, rows), strict=True):
            row.tokens.append(token)
            row.logprob += logprob
            if row.seen is not None:
                row.seen[token] = True
            if token in self.stops or row.choices:
                row.finish = "stop"
            elif len(row.tokens) >= row.limit:
                row.finish = "length"


def _seen(prompts: Sequence[Prompt]) -> dict[str, Any]:
    """What is seen in all prompts, images and videos apart, as the model takes it."""
    sights: dict[str, list[tuple[Tensor, ...]]] = {}
    for prompt in prompts:
        kinds = ["video" if block.video else "image" for block in prompt.blocks for _ in block.patches]
        for kind, sight in zip(kinds, prompt.sights, strict=True):
            sights.setdefault(kind, []).append(sight)
    return {
        kind: SimpleNamespace(
            pooler_output=[sight[0] for sight in found],
            deepstack_features=list(zip(*(sight[1:] for sight in found), strict=True)),
        )
        for kind, found in sights.items()
    }
