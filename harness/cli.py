"""The command `harness`: its verbs, and how errors are told.

Exit 0 fine, 1 a check failed or nothing could be evaluated, 2 asked wrongly, 130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import harness
from harness.errors import DataError, HarnessError, UsageError

VERBS = {
    "demo": "Let the tiny model that ships answer synthetic benchmarks.",
    "run": "Ask a model every question of some tasks.",
    "vote": "Vote again on the rollouts of a run.",
    "probe": "Ask again without the frames that answers rest on.",
    "compare": "Say whether one vote, or one run, is better than another.",
    "judge": "Rate the open answers of a run.",
    "plot": "Draw what is in run folders.",
    "report": "Print the tables of runs.",
    "reproduce": "Train, ask, vote, probe and report as the paper does.",
    "view": "Write a page that shows each question and its evidence.",
    "reward": "Say what each completion would earn.",
    "verify": "Check that a run follows from its rollouts.",
    "import": "Make a run folder of a result file.",
    "export": "Write a run for another harness to score.",
    "fetch": "Bring the published data of a task.",
    "tasks": "List the tasks, or check one.",
    "regress": "Hold a checkpoint against a baseline.",
    "data": "Make or check data.",
    "train": "Train models.",
}
"""Name -> what `harness --help` says of it. harness/verbs/NAME.py holds a function of that name, or an `app`."""

NOT_A_NAME = {"import": "imports"}
"""Verbs that Python has another use for -> their module."""


def command(words: Sequence[str]) -> typer.Typer:
    """The command with the verb that the words ask for; the others have their names alone, and are not imported."""
    app = typer.Typer(
        help="Evaluate, scale and train models that answer questions about videos with what, when and where.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_about)
    asked = next((word for word in words if not word.startswith("-")), None)
    for verb, help in VERBS.items():
        if verb == asked:
            _add(app, verb)
        else:
            app.command(verb, help=help)(lambda: None)
    return app


def _show(version: bool) -> None:
    if version:
        typer.echo(f"harness {harness.__version__}")
        raise typer.Exit


def _about(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show, is_eager=True)
    ] = False,
) -> None:
    """Options of the command itself."""


def _add(app: typer.Typer, verb: str) -> None:
    name = NOT_A_NAME.get(verb, verb)
    module = importlib.import_module(f"harness.verbs.{name}")
    if hasattr(module, "app"):
        app.add_typer(module.app, name=verb)
    else:
        app.command(verb)(getattr(module, name))


def main() -> None:
    """Run the command; an error that the user can mend is one sentence."""
    try:
        command(sys.argv[1:])()
    except HarnessError as error:
        typer.echo(f"harness: {error}", err=True)
        raise SystemExit(2 if isinstance(error, (UsageError, DataError)) else 1) from None
