"""The command `harness`: its verbs, and how errors are told.

Exit 0 fine, 1 a check failed or nothing could be evaluated, 2 asked wrongly, 130 interrupted.
"""

from __future__ import annotations

import typer

from harness.errors import DataError, HarnessError, UsageError
from harness.verbs import (
    compare,
    data,
    demo,
    export,
    fetch,
    imports,
    judge,
    plot,
    probe,
    regress,
    report,
    reproduce,
    reward,
    run,
    tasks,
    train,
    verify,
    view,
    vote,
)

app = typer.Typer(
    help="Evaluate, scale and train models that answer questions about videos with what, when and where.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("vote")(vote.vote)
app.command("probe")(probe.probe)
app.command("compare")(compare.compare)
app.command("judge")(judge.judge)
app.command("plot")(plot.plot)
app.command("report")(report.report)
app.command("reproduce")(reproduce.reproduce)
app.command("view")(view.view)
app.command("reward")(reward.reward)
app.command("verify")(verify.verify)
app.command("import")(imports.imports)
app.command("export")(export.export)
app.command("fetch")(fetch.fetch)
app.command("tasks")(tasks.tasks)
app.add_typer(regress.app, name="regress")
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")


def main() -> None:
    """Run the command; an error that the user can mend is one sentence."""
    try:
        app()
    except HarnessError as error:
        typer.echo(f"harness: {error}", err=True)
        raise SystemExit(2 if isinstance(error, (UsageError, DataError)) else 1) from None
