"""Nano's forward pass for training, on the parameters of the transformers model.

Three things make it quicker than the model's own: frames of one size go through the vision tower at once, all
questions of a clip share one pass over its frames, and logits are made only where there is a loss.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

from harness.shapes.clip import COLOURS, SHAPES

from . import model as shape
from .batch import Batch, Questions

if TYPE_CHECKING:
    from torch import Tensor, nn

NAME_SCALE = 10.0
"""Of the cosine between a cell and a word."""

SOFTNESS = 1.2
"""Standard deviation, in pixels, of the target over coordinate tokens."""


def losses(net: Any, head: nn.ModuleList, batch: Batch, numbers: int) -> tuple[Tensor, Tensor]:
    """Loss of the text per weighted token and of the auxiliary head that reads things off the cells.

    `numbers` is the token of "0"; those of 1 to 255 follow it.
    """
    if len(batch.pixels):
        seen = look(net.model.visual, batch.pixels)
        aux = sight_loss(head[0], seen, batch.sights) + name_loss(net, seen, batch)
        aux = aux + place_loss(net, head[1], seen, batch, numbers)
    else:
        seen, aux = torch.zeros(0, shape.WIDTH), torch.zeros(())
    if not batch.questions:
        return seen.new_zeros(()), aux
    total, weight = seen.new_zeros(()), 0.0
    hidden = read(net.model.language_model, batch, seen.reshape(-1, shape.WIDTH))
    for asked, state in zip(batch.questions, hidden, strict=True):
        total = total + _text_loss(net, asked, state, numbers)
        weight += float(asked.weights[:, 1:].sum())
    return total / weight, aux


def look(tower: Any, pixels: Tensor) -> Tensor:
    """The vision tower: (N, height, width, 3) uint8 to (N, cells, WIDTH)."""
    n, height, width, _ = pixels.shape
    rows, columns = height // shape.PATCH, width // shape.PATCH
    mean, std = torch.tensor(shape.MEAN), torch.tensor(shape.STD)
    x = (pixels.float() / 255 - mean) / std
    x = x.reshape(n, rows // 2, 2, shape.PATCH, columns // 2, 2, shape.PATCH, 3)
    x = x.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(n, rows * columns, -1)
    kernel = tower.patch_embed.proj.weight.sum(2).flatten(1)
    x = x @ kernel.T
    turn = _sight_turn(rows, columns, shape.SIGHT // shape.SIGHT_HEADS)
    with torch.set_grad_enabled(tower.blocks[0].norm1.weight.requires_grad):
        for block in tower.blocks:
            x = x + _sight_attention(block.attn, _norm(block.norm1, x), turn)
            h = _norm(block.norm2, x)
            x = x + block.mlp.down_proj(F.silu(block.mlp.gate_proj(h)) * block.mlp.up_proj(h))
    x = _norm(tower.merger.ln_q, x).reshape(n, rows * columns // 4, -1)
    out: Tensor = tower.merger.mlp[2](F.gelu(tower.merger.mlp[0](x)))
    return out


def read(text: Any, batch: Batch, seen: Tensor) -> list[Tensor]:
    """The language model: the last hidden states (N, B, WIDTH) of each set of questions."""
    prefix = text.embed_tokens(batch.prefix)
    prefix = prefix.masked_scatter(batch.cells[:, :, None], seen)
    turn = _text_turn(batch.positions)
    length = batch.prefix.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    mask = _bias(causal[None] & batch.valid[:, None, :])
    branches = [text.embed_tokens(asked.tokens) for asked in batch.questions]
    turns = [_text_turn(asked.positions.expand(3, -1, -1)) for asked in batch.questions]
    masks = [_branch_mask(batch, asked) for asked in batch.questions]
    for layer in text.layers:
        q, k, v = _project(layer, prefix, turn)
        after = [_project(layer, x, t) for x, t in zip(branches, turns, strict=True)]
        for index, (asked, (bq, bk, bv)) in enumerate(zip(batch.questions, after, strict=True)):
            keys, values = torch.cat([k[asked.owner], bk], 2), torch.cat([v[asked.owner], bv], 2)
            branches[index] = _finish(layer, branches[index], _attend(bq, keys, values, masks[index]))
        if layer is not text.layers[-1]:
            prefix = _finish(layer, prefix, _attend(q, k, v, mask))
    return [_norm(text.norm, x) for x in branches]


def sight_loss(head: nn.Module, seen: Tensor, truth: Tensor) -> Tensor:
    """Is a thing's centre in this cell, and which thing, and where are its edges."""
    colours, shapes = len(COLOURS), len(SHAPES)
    out = head(seen)
    there = truth[..., 0] > 0
    loss = F.binary_cross_entropy_with_logits(out[..., 0], truth[..., 0])
    if there.any():
        found, real = out[there], truth[there]
        loss = loss + 0.3 * F.cross_entropy(found[:, 1 : 1 + colours], real[:, 1].long())
        loss = loss + 0.3 * F.cross_entropy(found[:, 1 + colours : 1 + colours + shapes], real[:, 2].long())
        loss = loss + 4 * F.smooth_l1_loss(found[:, -4:], real[:, 3:], beta=0.02)
    return loss


def name_loss(net: Any, seen: Tensor, batch: Batch) -> Tensor:
    """A cell with a thing is to look like the word for it; words do not move for that."""
    there = batch.sights[..., 0] > 0
    if not there.any():
        return seen.new_zeros(())
    found, real = F.normalize(seen[there], dim=-1), batch.sights[there].long()
    table = net.model.language_model.embed_tokens.weight[batch.things].detach()
    likeness = NAME_SCALE * found @ F.normalize(table, dim=-1).T
    return 0.6 * F.cross_entropy(likeness, real[:, 1] * len(SHAPES) + real[:, 2])


def place_loss(net: Any, head: nn.Module, seen: Tensor, batch: Batch, numbers: int) -> Tensor:
    """From a cell with a thing, four linear maps lead to the tokens of the edges of its box."""
    there = batch.sights[..., 0] > 0
    if not there.any():
        return seen.new_zeros(())
    height, width = batch.pixels.shape[1:3]
    edges = batch.sights[there][:, 3:] * torch.tensor([width, height, width, height])
    table = net.model.language_model.embed_tokens.weight[numbers : numbers + 256].detach()
    logprobs = (head(seen[there]).unflatten(-1, (4, -1)) @ table.T).log_softmax(-1)
    found: Tensor = -0.25 * (_aim(edges) * logprobs).sum(-1).mean()
    return found


def _aim(numbers: Tensor) -> Tensor:
    """Targets over the tokens of 0 to 255, spread around each number."""
    away = torch.arange(256) - numbers[..., None]
    return torch.softmax(-(away**2) / (2 * SOFTNESS**2), -1)


def _text_loss(net: Any, asked: Questions, state: Tensor, numbers: int) -> Tensor:
    wanted = asked.weights[:, 1:] > 0
    logits = state[:, :-1][wanted] @ net.model.language_model.embed_tokens.weight.T
    logprobs = logits.log_softmax(-1)
    target, weight, soft = asked.tokens[:, 1:][wanted], asked.weights[:, 1:][wanted], asked.soft[:, 1:][wanted]
    loss = -logprobs.gather(1, target[:, None])[:, 0]
    if soft.any():
        aim = _aim(target[soft] - numbers)
        loss = loss.masked_scatter(soft, -(aim * logprobs[soft][:, numbers : numbers + 256]).sum(-1))
    total: Tensor = (loss * weight).sum()
    return total


def _norm(layer: Any, x: Tensor) -> Tensor:
    return F.rms_norm(x, (x.shape[-1],), layer.weight, 1e-6)


def _bias(allowed: Tensor) -> Tensor:
    return torch.where(allowed, 0.0, -1e9)[:, None]


def _branch_mask(batch: Batch, asked: Questions) -> Tensor:
    size = asked.tokens.shape[1]
    own = torch.ones(size, size, dtype=torch.bool).tril()[None].expand(len(asked.owner), -1, -1)
    before = batch.valid[asked.owner][:, None, :].expand(-1, size, -1)
    return _bias(torch.cat([before, own], 2))


def _project(layer: Any, x: Tensor, turn: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    h, attention = _norm(layer.input_layernorm, x), layer.self_attn
    q, k, v = (
        linear(h).unflatten(-1, (shape.HEADS, -1)).transpose(1, 2)
        for linear in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    return _turned(q, *turn), _turned(k, *turn), v


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    bias = mask.expand(-1, q.shape[1], -1, -1).flatten(0, 1)
    keys = k.flatten(0, 1).transpose(1, 2)
    scores = torch.baddbmm(bias, q.flatten(0, 1), keys, alpha=1 / math.sqrt(q.shape[-1]))
    out = scores.softmax(-1) @ v.flatten(0, 1)
    merged: Tensor = out.unflatten(0, q.shape[:2]).transpose(1, 2).flatten(2)
    return merged


def _finish(layer: Any, x: Tensor, attended: Tensor) -> Tensor:
    x = x + layer.self_attn.o_proj(attended)
    h, mlp = _norm(layer.post_attention_layernorm, x), layer.mlp
    out: Tensor = x + mlp.down_proj(F.silu(mlp.gate_proj(h)) * mlp.up_proj(h))
    return out


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def _text_turn(positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines (N, 1, length, 32) of (3, N, length) positions: sections of time, row and column."""
    half = sum(shape.SECTIONS)
    rate = 1 / 10000 ** (torch.arange(half) / half)
    axis = torch.repeat_interleave(torch.arange(3), torch.tensor(shape.SECTIONS))
    angle = positions[axis].permute(1, 2, 0).float() * rate
    return angle.cos()[:, None], angle.sin()[:, None]


def _sight_turn(rows: int, columns: int, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (patches, width / 2), patches in blocks of two by two."""
    row = torch.arange(rows)[:, None].expand(rows, columns)
    column = torch.arange(columns)[None].expand(rows, columns)
    at = torch.stack([row, column], -1).reshape(rows // 2, 2, columns // 2, 2, 2).transpose(1, 2).reshape(-1, 2)
    rate = 1 / 10000 ** (torch.arange(0, width // 2, 2) / (width // 2))
    angle = (at[:, :, None].float() * rate).flatten(1)
    return angle.cos(), angle.sin()


def _sight_attention(layer: Any, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    n, size, _ = x.shape
    q, k, v = layer.qkv(x).reshape(n, size, 3, shape.SIGHT_HEADS, -1).permute(2, 0, 3, 1, 4)
    q, k = _turned(q, *turn).flatten(0, 1), _turned(k, *turn).flatten(0, 1)
    scores = (q @ k.transpose(1, 2)) / math.sqrt(q.shape[-1])
    out = (scores.softmax(-1) @ v.flatten(0, 1)).unflatten(0, (n, -1)).transpose(1, 2).flatten(2)
    result: Tensor = layer.proj(out)
    return result
