"""`evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from training.evaluation.comparison import ComparisonConfig


def register(app: typer.Typer) -> None:
    app.command()(evaluate)


def evaluate(
    config: Annotated[Path | None, typer.Argument(help="A YAML file with data and systems.", metavar="CONFIG")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override one setting of CONFIG.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="The test set: a manifest, a folder, LAYOUT:FOLDER.")] = None,
    split: Annotated[str, typer.Option(help="Its split.")] = "test",
    asr: Annotated[str | None, typer.Option(help="Reference of the speech model.")] = None,
    summary: Annotated[str | None, typer.Option(help="Reference of the summary model.")] = None,
    adapters: Annotated[
        list[Path] | None, typer.Option("--adapter", help="Folder of an adapter for that model.", metavar="DIR")
    ] = None,
    out: Annotated[Path, typer.Option(help="JSON file for all results.")] = Path("evaluation.json"),
) -> None:
    """Measure models and adapters on a test set: the systems in CONFIG, or one model with and without each adapter."""
    from schema.core.settings import settings
    from training.data.sources import first_examples, load_source, sample_groups
    from training.data.training_fingerprints import refuse_trained_on
    from training.evaluation.comparison import read_comparison, system_loaders
    from training.evaluation.evaluate import evaluate as measure
    from training.evaluation.evaluate import table
    from training.metrics.embeddings import BertScore

    if config is not None:
        comparison = read_comparison(config, changes or ())
    else:
        comparison = _single_model_comparison(data, split, asr, summary, adapters or [])
    source = comparison.data
    dataset = load_source(source, comparison.needs)
    for folder in comparison.adapters:
        refuse_trained_on(folder, dataset)
    bert = None if comparison.bert is None else BertScore(comparison.bert)
    found = measure(
        system_loaders(comparison, settings().models),
        sample_groups(first_examples(dataset, source.limit), comparison.of_each_group, comparison.seed),
        same_length=comparison.same_length,
        bert=bert,
        seed=comparison.seed,
    )
    out.write_text(json.dumps(found.dump(), ensure_ascii=False, indent=1), encoding="utf-8")
    typer.echo(table(found))
    typer.echo(f"\nAll results are in {out}.")


def _single_model_comparison(
    data: str | None, split: str, asr: str | None, summary: str | None, adapters: list[Path]
) -> ComparisonConfig:
    """Compares the named model without an adapter and with each of *adapters*."""
    from schema.core.errors import InvalidConfig
    from training.evaluation.comparison import ComparisonConfig, SystemConfig
    from training.runs.config import DataSource

    if data is None or (asr is None) == (summary is None):
        raise InvalidConfig("Give a CONFIG, or --data and one of --asr and --summary.")
    kind = "asr" if asr else "summary"
    base = {kind: asr or summary}
    systems = [SystemConfig.model_validate({"name": "base", **base})]
    for folder in adapters:
        name = folder.parent.name if folder.name == "adapter" else folder.name
        systems.append(SystemConfig.model_validate({"name": name or str(folder), **base, f"{kind}_adapter": folder}))
    return ComparisonConfig(data=DataSource(source=data, split=split), systems=tuple(systems))
