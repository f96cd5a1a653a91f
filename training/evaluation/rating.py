"""People rate summaries without knowing who wrote them. Computes their agreement and the scores of each system.

    form, key = make_form(evaluation, items=20, seed=1)      an HTML file for the raters, a key that stays here
    summary = count_ratings(key, [json of each rater])       agreement, means, differences

Agreement is Krippendorff's alpha for ordinal values (K. Krippendorff, "Computing Krippendorff's alpha-reliability",
2011): 1 is perfect, 0 is chance. Below 0.667 it is usual to draw no conclusions.
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
"""Characters of a source text that a rater is shown."""


@dataclass(frozen=True, slots=True)
class RatingScore:
    """A system's mean on one scale, and its difference to the first system."""

    mean: Interval
    against_first: Interval | None


@dataclass(frozen=True, slots=True)
class RatingSummary:
    raters: int
    items: int
    alpha: dict[str, float | None]
    """By scale; None if no two raters rated the same summary."""
    scores: dict[str, dict[str, RatingScore]]
    """By system and scale."""


def make_form(evaluation: Mapping[str, Any], items: int, seed: int) -> tuple[str, dict[str, Any]]:
    """The form as HTML that works offline, and the key that says which system wrote which summary.

    *evaluation* is the output of `minutebook evaluate`; up to *items* of its examples are drawn. Examples and systems
    are shuffled, and the form does not contain the systems' names. Raises InvalidData if there is nothing to rate.
    """
    rng = random.Random(seed)  # noqa: S311 - the key stays with the author
    systems = [result for result in evaluation["results"] if any(a["summary"] for a in result["answers"])]
    indices = [at for at, item in enumerate(evaluation["items"]) if item["text"]]
    if not systems or not indices:
        raise InvalidData("This evaluation has no summaries with their texts. Evaluate a summariser or a cascade.")
    shown = []
    key: dict[str, list[str]] = {}
    for number, at in enumerate(rng.sample(indices, min(items, len(indices)))):
        answers = rng.sample(systems, len(systems))
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
    # A "<" in the content could end the script element.
    content = json.dumps({"form": form, "scales": SCALES, "points": POINTS, "items": shown}).replace("<", "\\u003c")
    page = (
        files("training.evaluation").joinpath("rating.html").read_text(encoding="utf-8").replace("__CONTENT__", content)
    )
    order = [result["name"] for result in systems]
    return page, {"form": form, "systems": order, "marks": key}


def count_ratings(key: Mapping[str, Any], returned: Sequence[bytes], seed: int = 0) -> RatingSummary:
    """Evaluate the files that raters returned. Raises DecodeError for a file of another kind or another form."""
    ratings = [_parse_ratings(key, content) for content in returned]
    marks = list(key["marks"])
    alpha = {
        scale: krippendorff_alpha([[rating.get((mark, scale)) for mark in marks] for rating in ratings])
        for scale in SCALES
    }
    scores = {
        system: {scale: _score(key, ratings, system, scale, seed) for scale in SCALES} for system in key["systems"]
    }
    return RatingSummary(len(ratings), len({item for _, item in key["marks"].values()}), alpha, scores)


def krippendorff_alpha(ratings: Sequence[Sequence[int | None]]) -> float | None:
    """Ordinal alpha of *ratings*, with one row per rater and one column per unit. None if no unit has two ratings."""
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
    """Squared number of ratings between two values, counting half of those at either end."""
    ranks = np.cumsum(totals) - totals / 2
    return (ranks[:, None] - ranks[None, :]) ** 2


def _parse_ratings(key: Mapping[str, Any], content: bytes) -> dict[tuple[str, str], int]:
    try:
        answer = json.loads(content)
        form, given = answer["form"], answer["ratings"]
        found = {(mark, scale): int(value) for mark, scales in given.items() for scale, value in scales.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DecodeError(
            f"This file was not saved by the rating form: {error!r}. Ask the rater for it again."
        ) from error
    if form != key["form"]:
        raise DecodeError(f"These ratings belong to form {form}, the key to form {key['form']}. Give the right key.")
    wrong = [index for index, value in found.items() if index[0] not in key["marks"] or not 1 <= value <= POINTS]
    if wrong:
        raise DecodeError(f"The rating {wrong[0]} = {found[wrong[0]]} is not in this form. Ask the rater for it again.")
    return found


def _score(
    key: Mapping[str, Any], ratings: Sequence[Mapping[tuple[str, str], int]], system: str, scale: str, seed: int
) -> RatingScore:
    """The units are means over the raters of each example, so that several raters of one example do not count as
    several.
    """
    own, first = _by_item(key, ratings, system, scale), _by_item(key, ratings, key["systems"][0], scale)
    if not own:
        raise InvalidData(f"Nobody has rated {system} on {scale} yet. Wait for more files.")
    mean = interval(list(own.values()), seed=seed)
    both = [item for item in own if item in first]
    if system == key["systems"][0] or not both:
        return RatingScore(mean, None)
    return RatingScore(mean, paired([first[item] for item in both], [own[item] for item in both], seed=seed))


def _by_item(
    key: Mapping[str, Any], ratings: Sequence[Mapping[tuple[str, str], int]], system: str, scale: str
) -> dict[str, float]:
    found: dict[str, list[int]] = {}
    for mark, (name, item) in key["marks"].items():
        if name == system:
            found[item] = [rating[mark, scale] for rating in ratings if (mark, scale) in rating]
    return {item: sum(values) / len(values) for item, values in found.items() if values}
