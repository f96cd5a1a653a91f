"""`export`: merge an adapter into its model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schema.adapters.registry import find_version, task_of
from schema.adapters.wire import AdapterLabel
from schema.core.database import Database
from schema.core.settings import Settings, settings
from schema.core.states import AdapterTask
from training.registry.formats import ExportWeights, MergedModelFormat


def register(app: typer.Typer) -> None:
    app.command()(export)


def export(
    adapter: Annotated[str, typer.Argument(metavar="ADAPTER", help="NAME[@VERSION] of the registry, or a folder.")],
    to: Annotated[Path, typer.Option("--to", help="The new folder.")],
    form: Annotated[MergedModelFormat, typer.Option("--format", help="faster-whisper loads ctranslate2.")] = (
        MergedModelFormat.TRANSFORMERS
    ),
    weights: Annotated[
        ExportWeights, typer.Option("--weights", help="int8 works with ctranslate2 only.")
    ] = ExportWeights.FLOAT16,
    base: Annotated[str | None, typer.Option("--base", help="The base model, if the folder does not name it.")] = None,
    task: Annotated[
        AdapterTask | None, typer.Option(help="Needed if both tasks have an adapter of that name.", show_default=False)
    ] = None,
) -> None:
    """Write the model with the adapter merged into it, for use without Minutebook."""
    from training.registry.export import export as export_adapter

    config = settings()
    folder = Path(adapter) if Path(adapter).is_dir() else _published(config, adapter, task)
    typer.echo(export_adapter(folder, to, config.models, form, weights, base))


def _published(config: Settings, name: str, task: AdapterTask | None) -> Path:
    """Returns the folder of a version in the registry. Raises InvalidInput, NotFound, BrokenModel."""
    from workers.models.adapters import stored

    label = AdapterLabel.parse(name)
    database = Database(config.sql_url)
    try:
        with database.read() as session:
            found = find_version(session, task or task_of(session, label.name), label)
    finally:
        database.close()
    return stored(config.adapters, found.checksum)
