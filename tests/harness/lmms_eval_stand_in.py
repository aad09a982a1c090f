"""Stand-ins of the shape of lmms-eval 0.7: a task with documents, its requests, the modules that our model needs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


@dataclass(frozen=True)
class Instance:
    """A request."""

    args: tuple[Any, ...]


@dataclass
class Theirs:
    """A task of lmms-eval with lettered options."""

    documents: Sequence[Mapping[str, Any]]
    name: str = "quiz"
    settings: Mapping[str, Any] = field(default_factory=lambda: {"max_new_tokens": 16, "until": ["\n"]})

    def doc_to_text(self, document: Mapping[str, Any]) -> str:
        lines = "\n".join(document.get("options", ()))
        return f"Look closely.\n{document['question']}\n{lines}\nAnswer with the letter."

    def doc_to_target(self, document: Mapping[str, Any]) -> Any:
        return document["answer"]

    def doc_to_messages(self, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        if "seen" in document:
            seen = document["seen"]
        elif Path(document["video"]).is_file():
            seen = [{"type": "video", "url": document["video"]}]
        else:
            sys.exit(f"video path:{document['video']} does not exist, please check")
        return [{"role": "user", "content": [*seen, {"type": "text", "text": self.doc_to_text(document)}]}]

    def requests(self) -> list[Instance]:
        return [
            Instance((self.doc_to_text(d), self.doc_to_messages, dict(self.settings), k, self.name, "test"))
            for k, d in enumerate(self.documents)
        ]

    @property
    def found(self) -> dict[str, dict[str, Sequence[Mapping[str, Any]]]]:
        """What lmms-eval puts into a model's `task_dict`."""
        return {self.name: {"test": self.documents}}


def pose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let modules of the names of lmms-eval be there, as far as our model imports them."""

    class Lmms:
        is_simple = True

        def __init__(self) -> None:
            self.task_dict: dict[str, Any] = {}

    for name in ("lmms_eval", "lmms_eval.api", "lmms_eval.models"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    nouns: dict[str, dict[str, Any]] = {
        "lmms_eval.api.model": {"lmms": Lmms},
        "lmms_eval.models.registry_v2": {"ModelManifest": SimpleNamespace},
    }
    for name, held in nouns.items():
        module = ModuleType(name)
        vars(module).update(held)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "harness.lmms.model", raising=False)
