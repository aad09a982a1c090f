"""Nano's tokenizer: bytes, whole numbers up to 255, and the phrases of the harness's own prompts as one token each.

Any text can be written (byte by byte at worst); the prompts that nano is asked take a few dozen tokens.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from harness.shapes.clip import CAMERAS, COLOURS, SHAPES
from harness.shapes.events import DIRECTIONS
from harness.shapes.questions import CORNERS

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

NAMES = ("endoftext", "im_start", "im_end", "vision_start", "vision_end", "image_pad", "video_pad")
SPECIAL = tuple(f"<|{name}|>" for name in NAMES)
NUMBERS = 256
THINGS = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
"""In the order of COLOURS, then SHAPES."""
WORDS = (*THINGS, *COLOURS, *SHAPES, *CORNERS, "Yes", "No", *CAMERAS, *DIRECTIONS)
PATTERN = (
    r"(?:Please only a|A)nswer (?:Yes or No|0 for [^.]*)\.|assistant\n|user\n|\n|[.?] |(?<![a-z])\d+|\.\d(?!\d)|\b(?:"
    + "|".join(WORDS)
    + r")\b|\b[A-J]\b"
)
"""What is a piece of its own: what varies, and the ends of sentences; the text between two of these is one piece."""

TEMPLATE = (
    "{%- for message in messages -%}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{%- if message['content'] is string -%}{{ message['content'] }}{%- else -%}"
    "{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif part['type'] == 'video' -%}{{ '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- else -%}{{ part['text'] }}{%- endif -%}{%- endfor -%}{%- endif -%}{{ '<|im_end|>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)
"""The chat layout of Qwen2.5-VL, without its default system turn."""


def build(texts: Iterable[str], most: int = 240) -> PreTrainedTokenizerFast:
    """The tokenizer whose phrases are the `most` frequent pieces of the texts."""
    fixed = [*map(str, range(NUMBERS)), *(f".{d}" for d in range(10)), *"ABCDEFGHIJ", *WORDS]
    units = [*SPECIAL, *(_spell(text) for text in fixed), *_alphabet()]
    return _of([*units, *_phrases(texts, set(units), most)])


def extend(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str], most: int = 240) -> PreTrainedTokenizerFast:
    """The tokenizer with the words and phrases that it lacks behind the tokens that it has."""
    known = tokenizer.get_vocab()
    units = [*sorted(known, key=known.__getitem__), *map(_spell, WORDS)]
    return _of([*units, *_phrases(texts, set(units), most)])


def _of(units: Iterable[str]) -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    vocabulary = {unit: index for index, unit in enumerate(dict.fromkeys(units))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = _splitter()
    tokenizer.decoder = decoders.ByteLevel()
    return _wrap(tokenizer, PreTrainedTokenizerFast)


def _phrases(texts: Iterable[str], known: set[str], most: int) -> list[str]:
    """The most frequent pieces that are not known."""
    seen = Counter(_spell(piece) for text in texts for piece in _pieces(text))
    return [piece for piece, count in seen.most_common() if count > 1 and piece not in known][:most]


def token(tokenizer: PreTrainedTokenizerFast, text: str) -> int:
    """The number of a token by the text that it stands for."""
    found = tokenizer.convert_tokens_to_ids(text if text in SPECIAL else _spell(text))
    assert isinstance(found, int)
    return found


def _wrap(tokenizer: Tokenizer, kind: type[PreTrainedTokenizerFast]) -> PreTrainedTokenizerFast:
    from tokenizers import AddedToken

    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL])
    return kind(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=8192,
    )


def _splitter() -> Any:
    from tokenizers import Regex, pre_tokenizers

    split = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def _pieces(text: str) -> list[str]:
    marks = re.finditer(rf"<\|\w+\|>|{PATTERN}", text)
    ends = [0, *(at for match in marks for at in match.span()), len(text)]
    return [text[a:b] for a, b in zip(ends, ends[1:], strict=False) if b > a]


def _alphabet() -> list[str]:
    from tokenizers import pre_tokenizers

    return sorted(pre_tokenizers.ByteLevel.alphabet())


def _spell(text: str) -> str:
    """The text in the byte alphabet of byte-level BPE."""
    from tokenizers import pre_tokenizers

    speller = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return "".join(piece for piece, _ in speller.pre_tokenize_str(text))
