"""`evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from training.evaluation.comparison import Comparison


def register(app: typer.Typer) -> None:
    app.command()(evaluate)


def evaluate(
    config: Annotated[Path | None, typer.Argument(help="A YAML file with data and systems.", metavar="CONFIG")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of CONFIG.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="The test set: a manifest, a folder, LAYOUT:FOLDER.")] = None,
    split: Annotated[str, typer.Option(help="Its split.")] = "test",
    asr: Annotated[str | None, typer.Option(help="The model that transcribes, by reference.")] = None,
    summary: Annotated[str | None, typer.Option(help="The model that sums up, by reference.")] = None,
    adapters: Annotated[
        list[Path] | None, typer.Option("--adapter", help="A folder with an adapter of that model.", metavar="DIR")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where everything is written as JSON.")] = Path("evaluation.json"),
) -> None:
    """Measure models and adapters on a test set: those of CONFIG, or one model without and with each adapter."""
    from schema.core.settings import settings
    from training.data.sources import first, of_each_group, read
    from training.data.training_fingerprints import refuse_learnt_from
    from training.evaluation.comparison import makers, read_comparison
    from training.evaluation.evaluate import evaluate as measure
    from training.evaluation.evaluate import table
    from training.metrics.embeddings import BertScore

    if config is not None:
        comparison = read_comparison(config, changes or ())
    else:
        comparison = _asked(data, split, asr, summary, adapters or [])
    held = comparison.data
    whole = read(held, comparison.needs)
    for folder in comparison.adapters:
        refuse_learnt_from(folder, whole)
    bert = None if comparison.bert is None else BertScore(comparison.bert)
    found = measure(
        makers(comparison, settings().models),
        of_each_group(first(whole, held.limit), comparison.of_each_group, comparison.seed),
        same_length=comparison.same_length,
        bert=bert,
        seed=comparison.seed,
    )
    out.write_text(json.dumps(found.dump(), ensure_ascii=False, indent=1), encoding="utf-8")
    typer.echo(table(found))
    typer.echo(f"\nEverything is in {out}.")


def _asked(data: str | None, split: str, asr: str | None, summary: str | None, adapters: list[Path]) -> Comparison:
    """The model that was named, bare and with each of *adapters*."""
    from schema.core.errors import InvalidConfig
    from training.evaluation.comparison import Comparison, SystemConfig
    from training.runs.config import Source

    if data is None or (asr is None) == (summary is None):
        raise InvalidConfig("Give a CONFIG, or --data and one of --asr and --summary.")
    kind = "asr" if asr else "summary"
    base = {kind: asr or summary}
    systems = [SystemConfig.model_validate({"name": "base", **base})]
    for folder in adapters:
        name = folder.parent.name if folder.name == "adapter" else folder.name
        systems.append(SystemConfig.model_validate({"name": name or str(folder), **base, f"{kind}_adapter": folder}))
    return Comparison(data=Source(source=data, split=split), systems=tuple(systems))
