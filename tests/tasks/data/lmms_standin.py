"""A stand-in for lmms-eval: the few of its names that tasks/lmms.py uses, of the same shape, and tasks about fruit.

Task files are JSON, which is YAML; "!function f" in them is the function f of this file.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

Doc = dict[str, Any]
CALLS: list[str] = []
"""What scorers were asked."""


def look(doc: Doc) -> list[str]:
    """The video of a document, as tasks of lmms-eval look for it."""
    path = Path(os.environ["HF_HOME"]) / "films" / doc["film"]
    return [str(path)] if path.exists() else sys.exit(f"video path:{path} does not exist, please check")


def look_at_picture(doc: Doc) -> list[object]:
    return [object()]


def part(doc: Doc) -> list[object]:
    return [{"type": "video", "url": look(doc)[0], "video_start": 1.0, "video_end": 2.5}]


def ask(doc: Doc) -> str:
    return f"{doc['question']}\n" + "\n".join(doc["options"]) + "\nAnswer with a letter."


def judge(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    """A first capital anywhere, and more of what is known of the document."""
    CALLS.append(results[0])
    if "crash" in results[0]:
        raise ValueError("no such fruit")
    found = re.search("[ABC]", results[0])
    read = found.group() if found else ""
    told = {"pred_answer": read, "answer": doc["answer"], "kind": doc["kind"], "score": float(read == doc["answer"])}
    return {"fruit_score": told, "not_listed": 1}


def answered(results: Sequence[Mapping[str, Any]]) -> float:
    """Per cent of those answered, the mean over kinds: not the mean over documents."""
    kinds: dict[str, list[bool]] = {}
    for result in results:
        kinds.setdefault(result["kind"], []).append(result["pred_answer"] == result["answer"])
    return sum(100 * sum(each) / len(each) for each in kinds.values()) / len(kinds)


def plain(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    """Numbers, of which sweet fruit has one more; and what would be handed in."""
    right = results[0].startswith(doc["answer"])
    sweet = {"sweet": {"right": right}} if doc["kind"] == "sweet" else {}
    return {"exact": right, "handed_in": (1, 2), **sweet}


def share(results: Sequence[Mapping[str, Any]]) -> float:
    return sum(float(result["right"]) for result in results) / len(results)


def hand_in(results: Sequence[Any], args: Any) -> None:
    Path(args.output_path, "submission.json").write_text(json.dumps(results), encoding="utf-8")


def ask_server(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    return {"fruit_score": _post(results[0])}


def _post(text: str) -> float:
    import requests

    return float(requests.post("http://judge.invalid", data=text).text)


FRUIT: dict[str, Any] = {
    "task": "fruit",
    "dataset_path": "owner/fruit",
    "dataset_kwargs": {"cache_dir": "films", "video": True},
    "output_type": "generate_until",
    "doc_to_visual": "!function look",
    "doc_to_text": "!function ask",
    "doc_to_target": "answer",
    "generation_kwargs": {"max_new_tokens": 16, "temperature": 0, "top_p": 1.0},
    "process_results": "!function judge",
    "metric_list": [{"metric": "fruit_score", "aggregation": "!function answered", "higher_is_better": True}],
}
NUMBERS = [
    {"metric": "exact", "aggregation": "mean"},
    {"metric": "sweet", "aggregation": "!function share", "higher_is_better": False},
    {"metric": "handed_in", "aggregation": "!function hand_in"},
]
TASKS: list[dict[str, Any]] = [
    FRUIT,
    {**FRUIT, "task": "fruit_numbers", "process_results": "!function plain", "metric_list": NUMBERS},
    {**FRUIT, "task": "fruit_part", "doc_to_visual": "!function part", "doc_to_target": "utils.doc_to_target"},
    {**FRUIT, "task": "fruit_pictures", "doc_to_visual": "!function look_at_picture"},
    {**FRUIT, "task": "fruit_judged", "process_results": "!function ask_server"},
    {**FRUIT, "task": "fruit_rounds", "output_type": "generate_until_multi_round"},
    {**FRUIT, "task": "fruit_filtered", "filter_list": [{"name": "none"}]},
    {**FRUIT, "task": "fruit_away", "dataset_path": "json", "dataset_kwargs": {"data_files": "https://far.invalid/a"}},
    {"task": "fruit_program", "class": "!function TaskManager"},
    {"group": "fruits", "task": ["fruit", "fruit_numbers"]},
]


def load_yaml_config(yaml_path: str, mode: str = "full") -> dict[str, Any]:
    def resolve(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: resolve(each) for key, each in value.items()}
        if isinstance(value, list):
            return [resolve(each) for each in value]
        function = isinstance(value, str) and value.startswith("!function ")
        return globals()[value.split()[1]] if function and mode == "full" else value

    found: dict[str, Any] = resolve(json.loads(Path(yaml_path).read_text(encoding="utf-8")))
    return found


class TaskManager:
    """The index of task files."""

    defaults = Path()

    def __init__(self, include_path: str | None = None, include_defaults: bool = True) -> None:
        folders = [self.defaults] if include_defaults else []
        folders += [Path(include_path)] if include_path else []
        self.task_index: dict[str, dict[str, Any]] = {}
        for path in (path for folder in folders for path in sorted(folder.glob("*.yaml"))):
            told = load_yaml_config(str(path), mode="simple")
            kind = "python_task" if "class" in told else "group" if "group" in told else "task"
            name = told["group"] if kind == "group" else told.get("task")
            self.task_index[str(name)] = {"type": kind, "yaml_path": str(path), "task": -1}


class Docs(list[Doc]):
    """Documents by number, and columns by name."""

    @property
    def column_names(self) -> list[str]:
        return list(self[0])

    def __getitem__(self, key: Any) -> Any:
        return [doc[key] for doc in self] if isinstance(key, str) else super().__getitem__(key)


def retry(function: Callable[..., Any]) -> Callable[..., Any]:
    """Five times, as tenacity does there."""

    @functools.wraps(function)
    def again(*arguments: Any) -> Any:
        for _ in range(4):
            with suppress(ValueError):
                return function(*arguments)
        return function(*arguments)

    return again


class ConfigurableMessagesTask:
    """A task with its data."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = SimpleNamespace(**config)
        path = Path(config["dataset_path"], "docs.json")
        self.eval_docs = self.eval_docs_no_media = Docs(json.loads(path.read_text(encoding="utf-8")))
        self.features = self.eval_docs.column_names

    def doc_to_messages(self, doc: Doc) -> list[dict[str, Any]]:
        seen = self.config.doc_to_visual(doc)
        parts = [
            {"type": "video", "url": each} if isinstance(each, (str, dict)) else {"type": "image", "url": each}
            for each in seen
        ]
        return [{"role": "user", "content": [*parts, {"type": "text", "text": self.config.doc_to_text(doc)}]}]

    def doc_to_target(self, doc: Doc) -> Any:
        return doc[self.config.doc_to_target]

    @retry
    def process_results(self, doc: Doc, results: list[str]) -> Any:
        return self.config.process_results(doc, results)


def get_aggregation(name: str) -> Callable[[Sequence[float]], float]:
    return {"mean": lambda values: sum(values) / len(values)}[name]


def parse_reasoning_tags_config(cli_value: str, task_value: Any = None) -> Any:
    return json.loads(task_value or cli_value)


def strip_reasoning_tags(text: str, tags: Sequence[tuple[str, str]]) -> str:
    for begin, end in tags:
        text = re.sub(f"{begin}.*?{end}", "", text)
    return text.strip()


PARTS: dict[str, tuple[Any, ...]] = {
    "": (),
    ".tasks": (TaskManager,),
    ".utils": (load_yaml_config,),
    ".api": (),
    ".api.task": (ConfigurableMessagesTask,),
    ".api.registry": (get_aggregation,),
    ".api.reasoning": (parse_reasoning_tags_config, strip_reasoning_tags),
}


def modules(folder: Path) -> dict[str, ModuleType]:
    """The package as modules, with its task files in that folder."""
    for config in TASKS:
        name = config.get("group", config["task"])
        (folder / f"{name}.yaml").write_text(json.dumps(config), encoding="utf-8")
    TaskManager.defaults = folder
    found = {}
    for part, things in PARTS.items():
        name = f"lmms_eval{part}"
        found[name] = module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None, is_package=True)
        for thing in things:
            setattr(module, thing.__name__, thing)
    return found
