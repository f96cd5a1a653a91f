"""People rate summaries without knowing who wrote them; how far they agree, and what they say of each system.

    form, key = make_form(evaluation, items=20, seed=1)     one HTML file for the raters, one key that stays here
    counted = count_ratings(key, [json of each rater])      agreement, averages, differences

Agreement is Krippendorff's alpha for ordinal values (K. Krippendorff, "Computing Krippendorff's alpha-reliability",
2011): 1 is perfect, 0 is chance; below 0.667 no conclusions are usual.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from schema.core.errors import DecodeError, InvalidData
from training.metrics.bootstrap import Interval, interval, paired

SCALES = ("coherence", "relevance", "factual")
POINTS = 5
TEXT_LIMIT = 20_000
"""Characters of a source that a rater is shown."""


@dataclass(frozen=True, slots=True)
class Score:
    """A system's mean on one scale, and how far it is above the first system."""

    mean: Interval
    against_first: Interval | None


@dataclass(frozen=True, slots=True)
class Counted:
    raters: int
    items: int
    alpha: dict[str, float | None]
    """By scale; None where no two raters rated the same."""
    scores: dict[str, dict[str, Score]]
    """By system and scale."""


def make_form(evaluation: Mapping[str, Any], items: int, seed: int) -> tuple[str, dict[str, Any]]:
    """The form as HTML that needs no network, and the key that says which summary is whose.

    *evaluation* is what `minutebook evaluate` wrote; up to *items* of its examples are drawn. Order of examples and of
    systems is shuffled, the systems' names are nowhere in the form. Raises InvalidData where there is nothing to rate.
    """
    chance = random.Random(seed)  # noqa: S311 - an order; the key stays with who made the form
    systems = [result for result in evaluation["results"] if any(a["summary"] for a in result["answers"])]
    places = [at for at, item in enumerate(evaluation["items"]) if item["text"]]
    if not systems or not places:
        raise InvalidData("This evaluation has no summaries with their texts. Evaluate a summariser or a cascade.")
    shown = []
    key: dict[str, list[str]] = {}
    for number, at in enumerate(chance.sample(places, min(items, len(places)))):
        answers = chance.sample(systems, len(systems))
        marks = [f"{number}-{letter}" for letter in range(len(answers))]
        key |= {
            mark: [result["name"], evaluation["items"][at]["id"]] for mark, result in zip(marks, answers, strict=True)
        }
        summaries = [
            {"mark": mark, "text": result["answers"][at]["summary"] or ""}
            for mark, result in zip(marks, answers, strict=True)
        ]
        shown.append({"text": evaluation["items"][at]["text"][:TEXT_LIMIT], "summaries": summaries})
    form = hashlib.sha256(json.dumps([shown, seed]).encode()).hexdigest()[:16]
    # A "<" inside a script could end it.
    content = json.dumps({"form": form, "scales": SCALES, "points": POINTS, "items": shown}).replace("<", "\\u003c")
    page = (
        files("training.evaluation").joinpath("rating.html").read_text(encoding="utf-8").replace("__CONTENT__", content)
    )
    order = [result["name"] for result in systems]
    return page, {"form": form, "systems": order, "marks": key}


def count_ratings(key: Mapping[str, Any], returned: Sequence[bytes], seed: int = 0) -> Counted:
    """Add up the files that raters sent back. Raises DecodeError for one that is no such file or of another form."""
    ratings = [_ratings(key, content) for content in returned]
    marks = list(key["marks"])
    alpha = {
        scale: krippendorff_alpha([[rating.get((mark, scale)) for mark in marks] for rating in ratings])
        for scale in SCALES
    }
    scores = {
        system: {scale: _score(key, ratings, system, scale, seed) for scale in SCALES} for system in key["systems"]
    }
    return Counted(len(ratings), len({item for _, item in key["marks"].values()}), alpha, scores)


def krippendorff_alpha(ratings: Sequence[Sequence[int | None]]) -> float | None:
    """Ordinal alpha of *ratings*, one row a rater, one column a unit; None where nobody rated what another did."""
    columns = [[value for value in column if value is not None] for column in zip(*ratings, strict=True)]
    columns = [column for column in columns if len(column) > 1]
    if not columns:
        return None
    values = sorted({value for column in columns for value in column})
    together = np.zeros((len(values), len(values)))
    for column in columns:
        counts = np.array([column.count(value) for value in values], dtype=float)
        together += (np.outer(counts, counts) - np.diag(counts)) / (len(column) - 1)
    totals = together.sum(axis=0)
    distance = _ordinal_distance(totals)
    expected = (np.outer(totals, totals) * distance).sum() / (totals.sum() - 1)
    return 1.0 if expected == 0 else float(1 - (together * distance).sum() / expected)


def _ordinal_distance(totals: Any) -> Any:
    """Squared number of ratings between two values, half of those at either."""
    ranks = np.cumsum(totals) - totals / 2
    return (ranks[:, None] - ranks[None, :]) ** 2


def _ratings(key: Mapping[str, Any], content: bytes) -> dict[tuple[str, str], int]:
    try:
        answer = json.loads(content)
        form, given = answer["form"], answer["ratings"]
        found = {(mark, scale): int(value) for mark, scales in given.items() for scale, value in scales.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DecodeError(
            f"This is no file that the rating form saves: {error!r}. Ask the rater for it again."
        ) from error
    if form != key["form"]:
        raise DecodeError(f"These ratings are of the form {form}, the key is of {key['form']}. Give the right key.")
    wrong = [place for place, value in found.items() if place[0] not in key["marks"] or not 1 <= value <= POINTS]
    if wrong:
        raise DecodeError(f"The rating {wrong[0]} = {found[wrong[0]]} is not in this form. Ask the rater for it again.")
    return found


def _score(
    key: Mapping[str, Any], ratings: Sequence[Mapping[tuple[str, str], int]], system: str, scale: str, seed: int
) -> Score:
    """Means over raters of each example are the units, so that several raters of one do not count as several."""
    own, first = _by_item(key, ratings, system, scale), _by_item(key, ratings, key["systems"][0], scale)
    if not own:
        raise InvalidData(f"Nobody has rated {system} on {scale} yet. Wait for more files.")
    mean = interval(list(own.values()), seed=seed)
    both = [item for item in own if item in first]
    if system == key["systems"][0] or not both:
        return Score(mean, None)
    return Score(mean, paired([first[item] for item in both], [own[item] for item in both], seed=seed))


def _by_item(
    key: Mapping[str, Any], ratings: Sequence[Mapping[tuple[str, str], int]], system: str, scale: str
) -> dict[str, float]:
    found: dict[str, list[int]] = {}
    for mark, (name, item) in key["marks"].items():
        if name == system:
            found[item] = [rating[mark, scale] for rating in ratings if (mark, scale) in rating]
    return {item: sum(values) / len(values) for item, values in found.items() if values}
