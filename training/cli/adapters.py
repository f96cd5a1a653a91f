"""`adapters`: the registry, in the database and the store of this machine's settings."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from sqlalchemy.orm import Session

from schema.adapters import lifecycle as adapter_moves
from schema.adapters.lifecycle import Grounds
from schema.adapters.registry import find_version, history, listed, newest_draft, task_of
from schema.adapters.tables import Adapter
from schema.adapters.wire import AdapterLabel, AdapterOut
from schema.core.database import Database
from schema.core.errors import InvalidInput
from schema.core.settings import settings
from schema.core.states import AdapterTask
from training.registry.tables import figures_line, print_history, print_versions

app = typer.Typer(no_args_is_help=True, help="Adapters: publish, compare and promote them, go back.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The adapter's name.")]
Version = Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="A name, or one version of it.")]
Task = Annotated[
    AdapterTask | None, typer.Option(help="Where there is an adapter of that name for both.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON object per line.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides; by default this machine's user.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why. It is kept with the decision.")]
WHO_LIMIT, REASON_LIMIT = 100, 500
NEEDS: dict[AdapterTask, tuple[Literal["audio", "text", "summary"], ...]] = {
    AdapterTask.ASR: ("audio", "text"),
    AdapterTask.SUMMARY: ("text", "summary"),
}
"""What the examples of a test set must have."""


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="adapters")


@app.command("list")
def list_all(task: Task = None, as_json: AsJson = False) -> None:
    """All versions, the newest of each name first."""
    with _opened() as database, database.read() as session:
        found = [AdapterOut.model_validate(each) for each in listed(session, task)]
    if not as_json:
        print_versions(found)
        return
    for each in found:
        typer.echo(each.model_dump_json())


@app.command()
def show(name: Name, task: Task = None, as_json: AsJson = False) -> None:
    """The versions of an adapter, and who decided what about them, on which figures."""
    with _opened() as database, database.read() as session:
        label = AdapterLabel.parse(name)
        found = history(session, task or task_of(session, label.name), label.name)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        print_history(found)


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A run's folder, or PEFT's.")],
    name: Annotated[str, typer.Option("--name", help="'default' serves meetings that name no adapter.")],
    version: Annotated[int | None, typer.Option("--version", help="By default the next one.")] = None,
    base: Annotated[str | None, typer.Option("--base", help="The base model, where the folder names none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check an adapter against its base model and put it into the registry, as a draft."""
    from training.registry.publish import Places
    from training.registry.publish import publish as publish_adapter

    config = settings()
    with _opened() as database:
        done = publish_adapter(database, Places(config.models, config.adapters), folder, name, base, version)
    adapter = done.adapter
    if as_json:
        typer.echo(AdapterOut.model_validate(adapter).model_dump_json())
        return
    typer.echo(
        f"{adapter.label}{'' if done.is_new else ', published before'}: {adapter.method} of rank {adapter.rank} for "
        f"{adapter.base_model}, {adapter.size_bytes / 1e6:.1f} MB, {adapter.state}"
    )


@app.command()
def promote(
    name: Version,
    data: Annotated[str, typer.Option("--data", help="The test set: a manifest, a folder, or a corpus by name.")],
    split: Annotated[str, typer.Option("--split", help="Which part of it.")] = "test",
    force: Annotated[bool, typer.Option("--force", help="Also without a gain. Needs --reason.")] = False,
    reason: Reason = None,
    by: By = None,
    task: Task = None,
    as_json: AsJson = False,
) -> None:
    """Compare a version (by default the newest draft) with what serves, and let it serve if it is better."""
    from training.data import load
    from training.registry.gate import Promotion, promote_if_better, serving_version

    grounds = _grounds(by, reason)
    if force and not grounds.reason:
        raise InvalidInput("--force needs a --reason, which is kept with the decision")
    with _opened() as database:
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
def rollback(name: Name, reason: Reason = None, by: By = None, task: Task = None) -> None:
    """Go back to what served before the active version."""
    with _opened() as database, database.write() as session:
        label = AdapterLabel.parse(name)
        chosen = task or task_of(session, label.name)
        stopped, earlier = adapter_moves.roll_back(session, chosen, label.name, _grounds(by, reason))
        said = f"{earlier.label if earlier else 'the bare model'} serves again instead of {stopped.label}"
    typer.echo(said)


@app.command()
def retire(name: Version, reason: Reason = None, by: By = None, task: Task = None) -> None:
    """Let a version serve no more, not even meetings that name it."""
    with _opened() as database, database.write() as session:
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
    except (KeyError, OSError):  # a container's user need not have a name
        return f"user {os.getuid()}"


@contextmanager
def _opened() -> Iterator[Database]:
    database = Database(settings().sql_url)
    try:
        yield database
    finally:
        database.close()
