"""`train` and `sweep`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

Configuration = Annotated[
    Path, typer.Argument(help="A YAML file, such as those in training/configs.", metavar="CONFIG")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, as in method.rank=8.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin anew, whatever lies in the run's folder.")]
Runs = Annotated[Path | None, typer.Option("--runs", help="Where runs lie, instead of data_dir/runs.", metavar="DIR")]


def register(app: typer.Typer) -> None:
    app.command()(train)
    app.command()(sweep)


def train(config: Configuration, changes: Changes = None, fresh: Fresh = False, runs: Runs = None) -> None:
    """Train as CONFIG says; the same command goes on with a run that was stopped."""
    from schema.core.settings import settings
    from training.runs import run
    from training.runs.config import read_config

    held = settings()
    places = run.Places(runs or held.data_dir / "runs", held.models)
    command = _command("train", config, changes or (), runs)
    metrics = run.train(read_config(config, changes or ()), places, command, fresh)
    if metrics:
        typer.echo(f"{places.runs / metrics['name'] / 'report.md'}")


def sweep(config: Configuration, changes: Changes = None, runs: Runs = None) -> None:
    """Train over a grid of methods, ranks and precisions; the same command goes on with one that was stopped."""
    from schema.core.settings import settings
    from training.runs.sweep import sweep as do

    command = _command("sweep", config, changes or (), runs)
    typer.echo(do(config, changes or (), runs or settings().data_dir / "runs", command))


def _command(verb: str, config: Path, changes: Sequence[str], runs: Path | None) -> str:
    """How to run the same again."""
    parts = ["minutebook", verb, str(config)]
    for change in changes:
        parts += ["--set", change]
    return shlex.join([*parts, *(["--runs", str(runs)] if runs else [])])
