"""What lmms-eval's task files say of a task, without its data (github.com/EvolvingLMMs-Lab/lmms-eval, MIT).

The package is imported when one of its tasks is named, and never before. Only what its documentation calls stable is
used where there is a choice: the index of task files, their keys, `process_results` and the aggregations.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from harness.errors import DataError, HarnessError, UsageError, missing_extra

PACKAGE = "lmms_eval"
OUTSIDE = frozenset(
    ("openai", "OpenAI", "AzureOpenAI", "anthropic", "genai", "requests", "httpx", "get_server", "ServerConfig")
)
"""Names in a scorer that mean that it asks a judge or a server."""
BUILDERS = frozenset(("csv", "json", "parquet", "text", "arrow"))
"""A dataset_path that is a file format; the files are named beside it."""
REASONING = '[["<think>", "</think>"], ["<analysis>", "</analysis>"]]'
"""What lmms-eval takes out of answers unless the task or the command says otherwise."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Spec:
    """A task of lmms-eval as its file describes it."""

    name: str
    file: Path
    config: Mapping[str, Any]
    metrics: Mapping[str, Callable[..., Any]]
    """Name -> its aggregation over the results of all documents."""
    lower: frozenset[str]
    """Those of which less is better."""

    @property
    def dataset(self) -> str:
        """As the task file names it."""
        return str(self.config.get("dataset_path"))

    @property
    def options(self) -> Mapping[str, Any]:
        """How the data is to be read."""
        return self.config.get("dataset_kwargs") or {}

    @property
    def decoding(self) -> Mapping[str, Any]:
        """How lmms-eval would have the answer generated."""
        return self.config.get("generation_kwargs") or {}


def find(text: str) -> Spec:
    """The task of that name, or of that YAML file; UsageError where the bridge cannot run it, and why."""
    with surroundings():
        tasks = _import(f"{PACKAGE}.tasks")
        manager, name = _from_file(tasks, Path(text)) if text.endswith((".yaml", ".yml")) else _by_name(tasks, text)
        entry = manager.task_index[name]
        if entry["type"] != "task":
            raise UsageError(_not_one(name, entry, manager))
        file = Path(entry["yaml_path"])
        config = read(file)
        metrics, lower = _metrics(config)
    _refuse(name, config, metrics)
    return Spec(name=name, file=file, config=config, metrics=metrics, lower=lower)


def read(file: Path) -> dict[str, Any]:
    """The content of a task file, with the functions that it names; they look around as they are read."""
    load = _import(f"{PACKAGE}.utils").load_yaml_config
    config: dict[str, Any] = call(f"reading {file}", load, str(file), mode="full")
    _mute(config.values())
    return config


def build(config: Mapping[str, Any]) -> Any:
    """lmms-eval's own object of a task, with its data."""
    kind = _import(f"{PACKAGE}.api.task").ConfigurableMessagesTask
    return call(f"reading the data of {config['task']}", kind, config=dict(config))


def call(doing: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What a function of lmms-eval gives; whatever it raises is a DataError, and so is its leaving the program."""
    try:
        return function(*arguments, **named)
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:
        last = getattr(error, "last_attempt", None)
        cause = last.exception() if last is not None else error
        told = " ".join(str(cause).split())[:300]
        what = told if isinstance(cause, SystemExit) else f"{type(cause).__name__}: {told}"
        raise DataError(f"lmms-eval fails when {doing}: {what}") from error


@contextmanager
def surroundings(root: Path | None = None) -> Iterator[None]:
    """What lmms-eval expects around it while it loads, and takes away again.

    HF_HOME and the current folder are the data folder, no hub is asked, what is printed is dropped, and a module that
    goes by the name "utils", as those of all its tasks do, is the one that was there before.
    """
    folder, helper = Path.cwd(), sys.modules.get("utils")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "grounded-harness" / "lmms"
    home = root or os.environ.get("HF_HOME") or Path("~/.cache/huggingface").expanduser()
    told = {
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "LMMS_EVAL_DATASETS_CACHE": os.environ.get("LMMS_EVAL_DATASETS_CACHE", str(caches)),
    }
    kept = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        if root:
            os.chdir(root)
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        os.chdir(folder)
        for name, value in kept.items():
            os.environ.pop(name)
            os.environ.update({} if value is None else {name: value})
        if sys.modules.get("utils") is not helper:
            del sys.modules["utils"]
            sys.modules.update({"utils": helper} if helper else {})


def installed() -> str:
    """The version of lmms-eval, for the report."""
    try:
        return version("lmms-eval")
    except PackageNotFoundError:
        return "of a version not known"


def _import(name: str) -> Any:
    if importlib.util.find_spec(PACKAGE) is None:
        raise missing_extra("lmms-eval", "lmms")
    _mute(())
    return call(f"importing {name}", importlib.import_module, name)


def _mute(functions: Any) -> None:
    """Have the modules of a task log nothing; their names are all that loguru knows them by."""
    if importlib.util.find_spec("loguru") is not None:
        logger = importlib.import_module("loguru").logger
        for name in {PACKAGE, "utils", *(f.__module__ for f in functions if isinstance(f, FunctionType))}:
            logger.disable(name)


def _by_name(tasks: Any, name: str) -> tuple[Any, str]:
    manager = call("indexing its tasks", tasks.TaskManager)
    if name not in manager.task_index:
        close = difflib.get_close_matches(name, list(manager.task_index), 3)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise UsageError(f"lmms-eval has no task {name!r}; {hint}a task of your own is given by its YAML file")
    return manager, name


def _from_file(tasks: Any, path: Path) -> tuple[Any, str]:
    if not path.is_file():
        raise UsageError(f"there is no task file {path}; give the path of a YAML file of lmms-eval, or a name")
    folder = str(path.resolve().parent)
    manager = call(f"indexing {folder}", tasks.TaskManager, include_path=folder, include_defaults=False)
    for name, entry in manager.task_index.items():
        if entry["yaml_path"] != -1 and Path(entry["yaml_path"]).resolve() == path.resolve():
            return manager, name
    raise UsageError(f"{path} does not name a task; lmms-eval wants a line such as task: my_task")


def _not_one(name: str, entry: Mapping[str, Any], manager: Any) -> str:
    if entry["type"] == "python_task":
        return f"lmms-eval's {name} is a program of its own and not a task file; the bridge runs task files"
    members = entry["task"] if isinstance(entry.get("task"), list) else []
    if not members and entry["yaml_path"] != -1:
        load = _import(f"{PACKAGE}.utils").load_yaml_config
        found = call(f"reading {name}", load, entry["yaml_path"], mode="simple").get("task", [])
        members = [member for member in found if isinstance(member, str)]
    some = ", ".join(f"lmms:{member}" for member in members[:4])
    return f"lmms-eval's {name} is a group of tasks; name one or more of them, such as {some}"


def _metrics(config: Mapping[str, Any]) -> tuple[dict[str, Callable[..., Any]], frozenset[str]]:
    registry = _import(f"{PACKAGE}.api.registry")
    found: dict[str, Callable[..., Any]] = {}
    lower = set()
    for told in config.get("metric_list") or []:
        name, sums = told["metric"], told.get("aggregation", "mean")
        if not isinstance(name, str):
            name = getattr(name, "__name__", str(name))
        found[name] = sums if callable(sums) else call(f"looking for {sums}", registry.get_aggregation, sums)
        if told.get("higher_is_better") is False:
            lower.add(name)
    return found, frozenset(lower)


def _refuse(name: str, config: Mapping[str, Any], metrics: Mapping[str, Callable[..., Any]]) -> None:
    """UsageError for what the bridge cannot run, told from the task file alone."""
    kind = config.get("output_type", "generate_until")
    scorers = [config.get("process_results"), *metrics.values()]
    asked = sorted(OUTSIDE & {word for scorer in scorers if callable(scorer) for word in words(scorer)})
    options = config.get("dataset_kwargs") or {}
    if kind != "generate_until":
        why = f"is of the kind {kind}; the bridge runs those that answer once in text, generate_until"
    elif not metrics:
        why = "names no metric; the bridge needs a metric_list"
    elif asked:
        why = f"has its answers judged over the network ({', '.join(asked)}); take one that scores by itself"
    elif config.get("filter_list"):
        why = "has its answers filtered before they are scored (filter_list); the bridge does not filter"
    elif config.get("full_docs"):
        why = "scores several documents at once (full_docs); the bridge scores them one by one"
    elif options.get("From_YouTube"):
        why = "takes its videos from YouTube; put them into a task file of your own that reads them from disk"
    else:
        return
    raise UsageError(f"lmms-eval's {name} {why}")


def words(function: Callable[..., Any]) -> set[str]:
    """All names that a function uses, and those that the functions of its module use that it calls.

    >>> "getsource" in words(words), "partial" in words(words), "FunctionType" in words(words)
    (False, True, True)
    """
    found: set[str] = set()
    todo: list[Any] = [function]
    seen: set[Any] = set()
    while todo:
        made = todo.pop()
        plain = inspect.unwrap(made.func if isinstance(made, partial) else made)
        if not isinstance(plain, FunctionType) or plain in seen:
            continue
        seen.add(plain)
        names = _names(plain.__code__)
        found |= names
        todo += [plain.__globals__[name] for name in names if isinstance(plain.__globals__.get(name), FunctionType)]
    return found


def _names(code: CodeType) -> set[str]:
    inner = (part for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def stripped(spec: Spec, text: str) -> str:
    """A response less the reasoning that lmms-eval takes out before it scores."""
    reasoning = _import(f"{PACKAGE}.api.reasoning")
    told = spec.config.get("reasoning_tags")
    tags = reasoning.parse_reasoning_tags_config(cli_value=REASONING, task_value=told)
    return str(reasoning.strip_reasoning_tags(text, tags) if tags else text)
