"""`rate form` and `rate count`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schema.core.errors import InvalidData

if TYPE_CHECKING:
    from training.evaluation.rating import RatingScore, RatingSummary

rate = typer.Typer(no_args_is_help=True, help="Have people rate summaries, and count their answers.")


def register(app: typer.Typer) -> None:
    app.add_typer(rate, name="rate")


@rate.command()
def form(
    evaluation: Annotated[Path, typer.Argument(help="The output of `minutebook evaluate`.", metavar="EVALUATION")],
    out: Annotated[Path, typer.Option(help="The form. The key is written next to it.")] = Path("rating.html"),
    items: Annotated[int, typer.Option(help="How many texts to rate.", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="Selects the texts and their order.")] = 0,
) -> None:
    """Make an HTML form to send to raters. It works offline and names no system."""
    from training.evaluation.rating import make_form

    page, key = make_form(_read(evaluation), items, seed)
    out.write_text(page, encoding="utf-8")
    secret = out.with_suffix(".key.json")
    secret.write_text(json.dumps(key, ensure_ascii=False, indent=1), encoding="utf-8")
    typer.echo(f"Send {out} to the raters and keep {secret}, which says which system wrote which summary.")


@rate.command()
def count(
    key: Annotated[Path, typer.Argument(help="The key that belongs to the form.", metavar="KEY")],
    answers: Annotated[list[Path], typer.Argument(help="The files that the raters saved.", metavar="ANSWERS...")],
) -> None:
    """Print the raters' agreement and each system's mean scores, with 95 % intervals."""
    from training.evaluation.rating import count_ratings

    typer.echo(_table(count_ratings(_read(key), [path.read_bytes() for path in answers])))


def _read(path: Path) -> dict[str, object]:
    try:
        value: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidData(f"{path} cannot be read as JSON: {error}. Give the file as it was written.") from error
    return value


def _table(counted: RatingSummary) -> str:
    scales = list(counted.alpha)
    lines = [
        f"{counted.raters} raters, {counted.items} texts; 95 % intervals, difference to the first system in brackets",
        "",
        f"| system | {' | '.join(scales)} |",
        f"|{' --- |' * (len(scales) + 1)}",
    ]
    for system, scores in counted.scores.items():
        lines.append(f"| {system} | {' | '.join(_cell(scores[scale]) for scale in scales)} |")
    alphas = ["–" if value is None else f"{value:.2f}" for value in counted.alpha.values()]
    return "\n".join([*lines, f"| agreement, alpha | {' | '.join(alphas)} |"])


def _cell(score: RatingScore) -> str:
    text = f"{score.mean.difference:.2f} ({score.mean.low:.2f}–{score.mean.high:.2f})"
    if score.against_first is None:
        return text
    gap = score.against_first
    return f"{text} [{gap.difference:+.2f}, {gap.low:+.2f} to {gap.high:+.2f}]"
