"""Find a task, voter or engine by name: our own module first, else a file, else an entry point.

A plugin is a module with one attribute, named after its room: `task`, `voter`, `engine`, `decoder` ... A "_" in the
name of one of ours may be written "-".
Out of tree it is a Python file given by its path (`--tasks ./mybench.py`), or an installed entry point
of the group `harness.tasks`, `harness.scaling`, `harness.scaling.probes`, `harness.engines`, `harness.decoders`,
`harness.reports`, `harness.scorers`.
"lmms:mvbench" is what the function `named` of the module `lmms` makes of "mvbench".
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import UsageError, nearest

ATTRIBUTE = {
    "harness.tasks": "task",
    "harness.scaling": "voter",
    "harness.scaling.probes": "probe",
    "harness.engines": "engine",
    "harness.decoders": "decoder",
    "harness.reports": "report",
    "harness.scorers": "scorer",
}
"""Room -> the attribute that a plugin's module must have."""


def load(room: str, name: str) -> Any:
    """The plugin `name` of a room such as "harness.tasks"; UsageError lists what exists."""
    attribute = ATTRIBUTE[room]
    first, colon, argument = name.partition(":")
    if colon and not name.endswith(".py"):
        return _get(_module(room, first), "named", first)(argument)
    if name.endswith(".py"):
        return _get(_from_file(Path(name)), attribute, name)
    found = _module(room, name)
    return _get(found, attribute, name) if isinstance(found, ModuleType) else found


def _module(room: str, name: str) -> Any:
    """What goes by that name; an entry point may name the plugin itself."""
    if name.replace("_", "-") in _own(room):
        return importlib.import_module(f"{room}.{name.replace('-', '_')}")
    for entry in entry_points(group=room):
        if entry.name == name:
            return entry.load()
    attribute, known = ATTRIBUTE[room], names(room)
    raise UsageError(f"there is no {attribute} named {name!r}; {nearest(name, known)}there are: {', '.join(known)}")


def names(room: str) -> list[str]:
    """The plugins of a room, ours and those of installed packages."""
    return sorted(_own(room) | {entry.name for entry in entry_points(group=room)})


def _own(room: str) -> set[str]:
    package = importlib.import_module(room)
    found = {m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}
    return {name.replace("_", "-") for name in found - set(getattr(package, "NOT_PLUGINS", ()))}


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"there is no plugin file {path}; give the path of a Python file, or a name")
    spec = importlib.util.spec_from_file_location(f"harness_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be imported as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _get(module: Any, attribute: str, name: str) -> Any:
    if not hasattr(module, attribute):
        where = getattr(module, "__file__", module)
        raise UsageError(f"{name} ({where}) has no attribute {attribute!r}; a plugin must define it")
    return getattr(module, attribute)
