"""From a request to the prompt's text and tokens, for the engines that hold a tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import prompt
from harness.errors import DataError, EngineError
from harness.records import Request

if TYPE_CHECKING:
    from harness.engines import Settings


def load_tokenizer(settings: Settings) -> Any:
    """The model's tokenizer; DataError when it has none or no chat template."""
    from transformers import AutoTokenizer

    path = settings.need_model().path
    if not any((path / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise DataError(f"{path} has no tokenizer.json; a model folder must hold its tokenizer")
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=settings.trust_remote_code)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} has no usable tokenizer: {str(error).splitlines()[0]}") from error
    if not tokenizer.chat_template:
        raise DataError(f"{path} has no chat template; a model folder must hold chat_template.jinja")
    return tokenizer


def text(tokenizer: Any, request: Request) -> str:
    """The prompt as the model's chat template writes it, with one placeholder for each frame."""
    return str(tokenizer.apply_chat_template(prompt.messages(request), tokenize=False, add_generation_prompt=True))


def choice_ids(tokenizer: Any, request: Request) -> list[int]:
    """The token of each choice; EngineError when one is not a single token."""
    ids = []
    for choice in request.choices:
        found = tokenizer.encode(choice, add_special_tokens=False)
        if len(found) != 1:
            raise EngineError(f"the choice {choice!r} is {len(found)} tokens for this model; a choice must be one")
        ids += found
    return ids


def dtype(name: str, gpu: bool) -> str:
    """The name of the number type that "auto" stands for.

    >>> dtype("auto", gpu=False)
    'float32'
    """
    return ("bfloat16" if gpu else "float32") if name == "auto" else name
