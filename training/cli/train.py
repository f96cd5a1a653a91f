"""`train` and `sweep`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

ConfigArgument = Annotated[
    Path, typer.Argument(help="A YAML file, such as those in training/configs.", metavar="CONFIG")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one setting, for example method.rank=8."),
]
FreshOption = Annotated[bool, typer.Option("--fresh", help="Start over and delete what is in the run's folder.")]
RunsOption = Annotated[
    Path | None, typer.Option("--runs", help="Folder for runs. Default: data_dir/runs.", metavar="DIR")
]


def register(app: typer.Typer) -> None:
    app.command()(train)
    app.command()(sweep)


def train(
    config: ConfigArgument, changes: SetOption = None, fresh: FreshOption = False, runs: RunsOption = None
) -> None:
    """Train as CONFIG says. The same command resumes a run that was stopped."""
    from schema.core.settings import settings
    from training.runs import run
    from training.runs.config import read_config

    workspace = settings()
    folders = run.RunFolders(runs or workspace.data_dir / "runs", workspace.models)
    command = _command("train", config, changes or (), runs)
    metrics = run.train(read_config(config, changes or ()), folders, command, fresh)
    if metrics:
        typer.echo(f"{folders.runs / metrics['name'] / 'report.md'}")


def sweep(config: ConfigArgument, changes: SetOption = None, runs: RunsOption = None) -> None:
    """Train over a grid of methods, ranks and precisions. The same command resumes a sweep that was stopped."""
    from schema.core.settings import settings
    from training.runs.sweep import sweep as run_sweep

    command = _command("sweep", config, changes or (), runs)
    typer.echo(run_sweep(config, changes or (), runs or settings().data_dir / "runs", command))


def _command(verb: str, config: Path, changes: Sequence[str], runs: Path | None) -> str:
    """The command line that starts this run again."""
    parts = ["minutebook", verb, str(config)]
    for change in changes:
        parts += ["--set", change]
    return shlex.join([*parts, *(["--runs", str(runs)] if runs else [])])
