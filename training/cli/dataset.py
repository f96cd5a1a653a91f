"""`dataset build`, `dataset check` and `dataset speak`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

dataset = typer.Typer(
    no_args_is_help=True, help="Check a data set, or build one from corrections or from synthesised speech."
)


def register(app: typer.Typer) -> None:
    app.add_typer(dataset, name="dataset")


@dataset.command()
def build(
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the versions. Default: data_dir/datasets/corrections.", metavar="DIR"),
    ] = None,
) -> None:
    """Build a new version of the data set of user corrections: JSONL, audio clips, fingerprint and card."""
    from schema.core.database import Database
    from schema.core.settings import settings
    from schema.core.storage import open_files
    from training.data.corrections import build as build_dataset

    config = settings()
    database = Database(config.sql_url)
    try:
        built = build_dataset(
            database, open_files(config.storage_url), out or config.data_dir / "datasets" / "corrections"
        )
    finally:
        database.close()
    head = "built" if built.fresh else "unchanged since"
    typer.echo(
        f"{head} {built.folder}: {built.examples} segments, {built.with_audio} with audio, {built.audio_s:.0f} s; "
        f"{built.windows} windows with minutes"
    )


@dataset.command()
def check(
    source: Annotated[str, typer.Argument(help="A manifest, a folder, LAYOUT:FOLDER, hub:NAME.", metavar="SOURCE")],
    split: Annotated[str, typer.Option(help="Its split.")] = "train",
) -> None:
    """Check every example, and print a summary or the faults with file and line."""
    from training.data import load

    data = load(source, split)
    audio_s = sum(length for length, example in zip(data.lengths, data, strict=True) if example.audio is not None)
    typer.echo(f"{len(data)} examples, {audio_s / 3600:.2f} h of audio, fingerprint {data.fingerprint}")


@dataset.command()
def speak(
    source: Annotated[str, typer.Argument(help="Texts: a manifest, LAYOUT:FOLDER.", metavar="SOURCE")],
    out: Annotated[Path, typer.Option(help="The output folder.", metavar="DIR")],
    split: Annotated[str, typer.Option(help="The split of SOURCE.")] = "train",
    name: Annotated[str | None, typer.Option(help="The output split. Default: the same as --split.")] = None,
    skip: Annotated[int, typer.Option(help="Skip this many examples at the beginning.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="The most examples to write; 0 means all.", min=0)] = 0,
) -> None:
    """Read texts aloud with speech synthesis, to get audio with texts and summaries for training and evaluation."""
    from training.data import load
    from training.data.text_to_speech import speak as synthesise

    data = load(source, split, needs=["text"])
    count = synthesise(data[skip : skip + limit if limit else len(data)], out, name or split)
    typer.echo(f"{count} examples in {out / f'{name or split}.jsonl'}")
