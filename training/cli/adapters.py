"""`adapters`: commands for the registry, which lies in the database and the file store of this machine's settings."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.orm import Session

from schema.adapters import lifecycle as adapter_moves
from schema.adapters.lifecycle import Grounds
from schema.adapters.registry import find_version, history, listed, newest_draft, task_of
from schema.adapters.tables import Adapter
from schema.adapters.wire import AdapterHistory, AdapterLabel, AdapterOut, DecisionOut
from schema.core.command_line import id_column
from schema.core.database import Database
from schema.core.errors import InvalidInput
from schema.core.settings import settings
from schema.core.states import AdapterTask

app = typer.Typer(no_args_is_help=True, help="Publish, compare, promote and roll back adapters.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The adapter's name.")]
VersionArgument = Annotated[
    str, typer.Argument(metavar="NAME[@VERSION]", help="An adapter's name, optionally with a version.")
]
TaskOption = Annotated[
    AdapterTask | None, typer.Option(help="Needed if both tasks have an adapter of that name.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object per line, for programs.")]
DecidedByOption = Annotated[str | None, typer.Option("--by", help="Who decides. Default: the current user.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why. The reason is stored with the decision.")]
WHO_LIMIT, REASON_LIMIT = 100, 500
NEEDS: dict[AdapterTask, tuple[Literal["audio", "text", "summary"], ...]] = {
    AdapterTask.ASR: ("audio", "text"),
    AdapterTask.SUMMARY: ("text", "summary"),
}
"""The parts that every example of a test set must have."""


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="adapters")


@app.command("list")
def list_all(task: TaskOption = None, as_json: JsonOption = False) -> None:
    """List all versions, newest first within each name."""
    with _open_database() as database, database.read() as session:
        found = [AdapterOut.model_validate(each) for each in listed(session, task)]
    if not as_json:
        print_versions(found)
        return
    for each in found:
        typer.echo(each.model_dump_json())


@app.command()
def show(name: NameArgument, task: TaskOption = None, as_json: JsonOption = False) -> None:
    """Show the versions of an adapter and every decision about them, with the figures behind it."""
    with _open_database() as database, database.read() as session:
        label = AdapterLabel.parse(name)
        found = history(session, task or task_of(session, label.name), label.name)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        print_history(found)


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of a run or of a PEFT adapter.")],
    name: Annotated[str, typer.Option("--name", help="The name 'default' serves meetings that name no adapter.")],
    version: Annotated[int | None, typer.Option("--version", help="Default: the next version.")] = None,
    base: Annotated[str | None, typer.Option("--base", help="The base model, if the folder does not name it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check an adapter against its base model and add it to the registry as a draft."""
    from training.registry.publish import RegistryFolders
    from training.registry.publish import publish as publish_adapter

    config = settings()
    with _open_database() as database:
        done = publish_adapter(database, RegistryFolders(config.models, config.adapters), folder, name, base, version)
    adapter = done.adapter
    if as_json:
        typer.echo(AdapterOut.model_validate(adapter).model_dump_json())
        return
    typer.echo(
        f"{adapter.label}{'' if done.is_new else ' (already published)'}: {adapter.method} of rank {adapter.rank} for "
        f"{adapter.base_model}, {adapter.size_bytes / 1e6:.1f} MB, {adapter.state}"
    )


@app.command()
def promote(
    name: VersionArgument,
    data: Annotated[str, typer.Option("--data", help="The test set: a manifest, a folder, or LAYOUT:FOLDER.")],
    split: Annotated[str, typer.Option("--split", help="Its split.")] = "test",
    force: Annotated[bool, typer.Option("--force", help="Promote even without a gain. Needs --reason.")] = False,
    reason: ReasonOption = None,
    by: DecidedByOption = None,
    task: TaskOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a version (default: the newest draft) with the one that serves, and promote it if it is better."""
    from training.data import load
    from training.registry.gate import Promotion, promote_if_better, serving_version

    grounds = _grounds(by, reason)
    if force and not grounds.reason:
        raise InvalidInput("--force needs a --reason, which is stored with the decision")
    with _open_database() as database:
        with database.read() as session:
            label = AdapterLabel.parse(name)
            chosen = task or task_of(session, label.name)
            named = label.version is not None
            adapter = find_version(session, chosen, label) if named else newest_draft(session, chosen, label.name)
        wanted = Promotion(
            adapter=adapter,
            serving=serving_version(database, adapter),
            dataset=load(data, split, needs=NEEDS[chosen]),
            data=f"{data} ({split})",
            decided_by=grounds.decided_by,
            force_reason=grounds.reason if force else None,
        )
        figures = promote_if_better(database, settings(), wanted, lambda line: typer.echo(line, err=True))
    typer.echo(json.dumps(figures) if as_json else f"{adapter.label} is active: {figures_line(figures)}")


@app.command()
def rollback(
    name: NameArgument, reason: ReasonOption = None, by: DecidedByOption = None, task: TaskOption = None
) -> None:
    """Go back to the version that served before the active one."""
    with _open_database() as database, database.write() as session:
        label = AdapterLabel.parse(name)
        chosen = task or task_of(session, label.name)
        stopped, earlier = adapter_moves.roll_back(session, chosen, label.name, _grounds(by, reason))
        message = f"{earlier.label if earlier else 'the bare model'} serves again instead of {stopped.label}"
    typer.echo(message)


@app.command()
def retire(
    name: VersionArgument, reason: ReasonOption = None, by: DecidedByOption = None, task: TaskOption = None
) -> None:
    """Stop a version from serving, even for meetings that name it."""
    with _open_database() as database, database.write() as session:
        adapter = _version(session, AdapterLabel.parse(name), task)
        adapter_moves.retire(session, adapter, _grounds(by, reason))
    typer.echo(f"{adapter.label} is retired")


def _version(session: Session, label: AdapterLabel, task: AdapterTask | None) -> Adapter:
    return find_version(session, task or task_of(session, label.name), label)


def _grounds(by: str | None, reason: str | None) -> Grounds:
    return Grounds((by or _user())[:WHO_LIMIT], (reason or "").strip()[:REASON_LIMIT] or None)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user in a container may have no name
        return f"user {os.getuid()}"


@contextmanager
def _open_database() -> Iterator[Database]:
    database = Database(settings().sql_url)
    try:
        yield database
    finally:
        database.close()


def print_versions(versions: Sequence[AdapterOut]) -> None:
    labels = id_column("adapter", [each.label for each in versions])
    table = Table(labels, "task", "state", "base model", "method", "rank", "precision", "MB", "published", box=None)
    for each in versions:
        size, when = f"{each.size_bytes / 1e6:.1f}", f"{each.created_at:%Y-%m-%d %H:%M}"
        method = f"{each.method}, short context" if each.audio_context else each.method
        base = Text(each.base_model)
        table.add_row(each.label, each.task, each.state, base, method, str(each.rank), each.precision, size, when)
    Console().print(
        table if versions else "No adapters yet. Add one with 'minutebook adapters publish FOLDER --name NAME'."
    )


def print_history(history: AdapterHistory) -> None:
    """Print the versions, then each decision with its reason and figures."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    print_versions(history.versions)
    for decision in history.decisions:
        console.print(_decision_line(decision))
        if decision.figures:
            console.print(f"    {figures_line(decision.figures)}")


def _decision_line(decision: DecisionOut) -> str:
    """For example `2026-03-02 09:30 ann: promote clinic@3 instead of clinic@2 (forced): twice as fast`."""
    instead = f" instead of {decision.replaced}" if decision.replaced not in (None, decision.adapter) else ""
    forced = " (forced)" if decision.forced else ""
    reason = f": {decision.reason}" if decision.reason else ""
    who = f"{decision.created_at:%Y-%m-%d %H:%M} {decision.decided_by}"
    return f"{who}: {decision.move} {decision.adapter}{instead}{forced}{reason}"


def figures_line(figures: Mapping[str, object]) -> str:
    """One line with the figures of the gate that a decision stores."""
    values = {name: value for name, value in figures.items() if isinstance(value, float)}
    return (
        f"{figures['metric']} {values['candidate']:.4f} instead of {values['serving']:.4f} "
        f"({figures['compared_with']}), gain {values['gain']:.4f} "
        f"(95 %: {values['gain_low']:.4f} to {values['gain_high']:.4f}) on "
        f"{figures['examples']} examples of {figures['data']}, {figures['precision']}"
    )
