"""`dataset build`, `dataset check` and `dataset speak`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

dataset = typer.Typer(no_args_is_help=True, help="Check a data set, or make one of corrections or of texts read out.")


def register(app: typer.Typer) -> None:
    app.add_typer(dataset, name="dataset")


@dataset.command()
def build(
    out: Annotated[
        Path | None,
        typer.Option(help="Where the versions lie, instead of data_dir/datasets/corrections.", metavar="DIR"),
    ] = None,
) -> None:
    """Make a version of a data set of what users corrected: JSONL, clips of the audio, fingerprint and card."""
    from schema.core.database import Database
    from schema.core.settings import settings
    from schema.core.storage import open_files
    from training.data.corrections import build as do

    held = settings()
    database = Database(held.sql_url)
    try:
        built = do(database, open_files(held.storage_url), out or held.data_dir / "datasets" / "corrections")
    finally:
        database.close()
    head = "built" if built.fresh else "nothing new since"
    typer.echo(
        f"{head} {built.folder}: {built.examples} segments, {built.with_audio} with audio, {built.audio_s:.0f} s; "
        f"{built.windows} windows with minutes"
    )


@dataset.command()
def check(
    source: Annotated[str, typer.Argument(help="A manifest, a folder, LAYOUT:FOLDER, hub:NAME.", metavar="SOURCE")],
    split: Annotated[str, typer.Option(help="Its split.")] = "train",
) -> None:
    """Look at every example, and say what is there or what is wrong, with file and line."""
    from training.data import load

    data = load(source, split)
    audio_s = sum(length for length, example in zip(data.lengths, data, strict=True) if example.audio is not None)
    typer.echo(f"{len(data)} examples, {audio_s / 3600:.2f} h of audio, fingerprint {data.fingerprint}")


@dataset.command()
def speak(
    source: Annotated[str, typer.Argument(help="Texts: a manifest, LAYOUT:FOLDER.", metavar="SOURCE")],
    out: Annotated[Path, typer.Option(help="The folder that is written.", metavar="DIR")],
    split: Annotated[str, typer.Option(help="The split of SOURCE.")] = "train",
    name: Annotated[str | None, typer.Option(help="The split that is written; by default the same.")] = None,
    skip: Annotated[int, typer.Option(help="So many examples at the beginning are left out.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="The most examples that are written; 0 is all.", min=0)] = 0,
) -> None:
    """Have a machine read texts out, so that there is audio with texts and summaries to train and measure on."""
    from training.data import load
    from training.data.text_to_speech import speak as do

    data = load(source, split, needs=["text"])
    count = do(data[skip : skip + limit if limit else len(data)], out, name or split)
    typer.echo(f"{count} examples in {out / f'{name or split}.jsonl'}")
