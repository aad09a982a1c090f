"""Requests and responses as tokens with the weight of each in the loss."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import parse
from harness.records import Evidence, Request, View

from . import model

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BOX = re.compile(r"\[(\d+),(\d+),(\d+),(\d+)\]")
HEAVY = re.compile(r"(?<=<answer>)(?:[A-D]|Yes|No)(?=</answer>)|^(?:[A-D]|Yes|No|[012])$")
SEEN = re.compile(r"(?<=<obj>)[^<]+(?=</obj>)|(?<=<t>)\d+|(?<=So the answer is )[^.<]+|^[^.<]+(?=\.</think>)")
NAMED = re.compile(r"^[a-z]+(?: [a-z]+)?$|(?:^|(?<=\. ))[a-z]+ [a-z]+(?=: | \[)")
HEAVY_WEIGHT, SEEN_WEIGHT = 6.0, 3.0
"""The weight of a token that is the whole answer among dozens that are not, and of a name, coordinate, time or
conclusion while thinking: there it must be seen, later it can be copied."""
SHOWN = "<|vision_end|>"
"""What stands behind a frame."""


@dataclass(slots=True)
class Branch:
    """A question and its response, after the frames of a clip."""

    tokens: list[int]
    weights: list[float]
    """Weight of the loss of predicting each token; 0 for the question."""
    soft: list[bool]
    """Whether the token is a coordinate, for which near misses are half right."""


class Writer:
    """Writes with a tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Remember the tokenizer."""
        self.tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        return list(self._coded(text).ids)

    def seeing(self, text: str, size: tuple[int, int]) -> list[int]:
        """The tokens of a text, with as many for each frame as it has merged cells at `size`."""
        cell = model.PATCH * model.MERGE
        return self.encode(text.replace("<|image_pad|>", "<|image_pad|>" * (size[0] // cell * (size[1] // cell))))

    def prefix(self, request: Request, view: View) -> list[int]:
        """What the questions on the frames of a request share: the chat up to the last frame."""
        text = chat(request)
        return self.seeing(text[: len(text) - len(after(request))], view.size)

    def branch(self, before: str, response: str) -> Branch:
        """A response with the text before it."""
        asked, coded = self.encode(before), self._coded(response)
        inside = [span for match in BOX.finditer(response) for span in map(match.span, range(1, 5))]
        thought = max(response.find("</think>"), 0)
        seen = [*inside, *(match.span() for match in SEEN.finditer(response))]
        special = {span: SEEN_WEIGHT for span in seen if span[1] <= thought}
        heavy = [*HEAVY.finditer(response), *NAMED.finditer(response)]
        special |= {match.span(): HEAVY_WEIGHT for match in heavy}
        soft = [span in inside for span in coded.offsets] + [False]
        weights = [special.get(span, 1.0) for span in coded.offsets] + [1.0]
        end = self.encode("<|im_end|>")
        return Branch(asked + coded.ids + end, [0.0] * len(asked) + weights, [False] * len(asked) + soft)

    def cited(self, view: View, claims: Sequence[Evidence]) -> list[Branch]:
        """Claims on one thing in their place; and their boxes and times right behind its name.

        To find a named thing is learned first where what is found stands next to the name.
        """
        text = " ".join(f"The {parse.write_claim(view, claim)}." for claim in claims)
        full = self.branch("<|im_start|>assistant\n", f"<think>{text}")
        name = self.encode(claims[0].label)
        known = full.tokens.index(name[0]) + 1
        full.weights[:known] = [0.0] * known
        edges = [token for token, soft in zip(full.tokens, full.soft, strict=True) if soft]
        boxes = [edges[4 * k : 4 * k + 4] for k in range(len(claims))]
        times = [self.encode(f"{claim.time:.1f}") for claim in claims]
        return [full, _behind(name, boxes, soft=True), _behind(name, times, soft=False)]

    def near(self, question: str, *answers: str) -> Branch:
        """A question with its answer, which may have parts, right behind it."""
        said = [token for answer in answers for token in self.encode(answer)]
        return _behind(self.encode(question), [said], soft=False)

    def _coded(self, text: str) -> Any:
        return self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)


def chat(request: Request) -> str:
    """The request as nano's chat template writes it, up to where the response begins."""
    parts = [p if isinstance(p, str) else f"<|vision_start|><|image_pad|>{SHOWN}" for p in request.parts]
    system = f"<|im_start|>system\n{request.system}<|im_end|>\n" if request.system else ""
    return f"{system}<|im_start|>user\n{''.join(parts)}<|im_end|>\n<|im_start|>assistant\n"


def after(request: Request) -> str:
    """The chat from behind the last frame of a request to where the response begins."""
    return chat(request).rpartition(SHOWN)[2]


def _behind(name: list[int], answers: Sequence[list[int]], soft: bool) -> Branch:
    """The answers behind a name that is said before each."""
    tokens = [token for answer in answers for token in (*name, *answer)]
    told = [mark for answer in answers for mark in (*[False] * len(name), *[True] * len(answer))]
    return Branch(tokens, [float(mark) for mark in told], [soft and mark for mark in told])
