"""Blind ratings of summaries by people: the form, and the count of its answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schema.core.errors import DecodeError, InvalidData
from training.__main__ import build_app
from training.evaluation.rating import SCALES, count_ratings, krippendorff_alpha, make_form

EVALUATION = {
    "items": [{"id": f"m{i}", "text": f"What was said in meeting {i} </script>", "summary": "x"} for i in range(6)],
    "results": [
        {"name": name, "answers": [{"summary": f"{text} {i}"} for i in range(6)]}
        for name, text in (("plain-base", "All of it"), ("secret-adapter", "The gist of it"))
    ],
}


def content(page: str) -> Any:
    found = re.search(r'id="content">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def answers(key: dict[str, Any], base: int, adapter: int) -> bytes:
    points = {"plain-base": base, "secret-adapter": adapter}
    ratings = {mark: dict.fromkeys(SCALES, points[name]) for mark, (name, _) in key["marks"].items()}
    return json.dumps({"form": key["form"], "rater": "r", "ratings": ratings}).encode()


def test_the_form_names_no_system_and_loads_nothing_from_elsewhere() -> None:
    page, _ = make_form(EVALUATION, items=4, seed=1)
    assert "plain-base" not in page
    assert "secret-adapter" not in page
    assert not re.search(r"https?://|src=|@import|fetch\(", page)
    assert "default-src 'none'" in page


def test_every_text_is_shown_with_all_systems_in_random_order() -> None:
    page, key = make_form(EVALUATION, items=6, seed=1)
    items = content(page)["items"]
    assert len({item["text"] for item in items}) == 6
    orders = set()
    for item in items:
        names = [key["marks"][each["mark"]][0] for each in item["summaries"]]
        orders.add(tuple(names))
        assert sorted(names) == ["plain-base", "secret-adapter"]
        for each, name in zip(item["summaries"], names, strict=True):
            assert each["text"].startswith("All" if name == "plain-base" else "The gist")
    assert len(orders) == 2


def test_the_same_seed_makes_the_same_form() -> None:
    assert make_form(EVALUATION, 4, 1) == make_form(EVALUATION, 4, 1)
    assert make_form(EVALUATION, 4, 1)[1]["form"] != make_form(EVALUATION, 4, 2)[1]["form"]


def test_alpha_equals_that_of_krippendorffs_own_example() -> None:
    # Four observers and twelve units from "Computing Krippendorff's Alpha-Reliability", which gives 0.815 for ordinal.
    a = [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None]
    b = [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3]
    c = [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None]
    d = [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None]
    assert krippendorff_alpha([a, b, c, d]) == pytest.approx(0.815, abs=0.0005)


def test_alpha_is_1_for_perfect_agreement_negative_for_opposites_and_none_without_pairs() -> None:
    assert krippendorff_alpha([[1, 2, 5], [1, 2, 5]]) == 1.0
    assert krippendorff_alpha([[4, 4], [4, 4]]) == 1.0
    assert krippendorff_alpha([[1, None], [None, 2]]) is None
    opposite = krippendorff_alpha([[1, 5, 1, 5], [5, 1, 5, 1]])
    assert opposite is not None
    assert opposite < 0


def test_averages_are_counted_for_the_system_behind_each_mark() -> None:
    _, key = make_form(EVALUATION, items=6, seed=3)
    counted = count_ratings(key, [answers(key, 2, 4), answers(key, 3, 5)])
    assert (counted.raters, counted.items) == (2, 6)
    for scale in SCALES:
        assert counted.scores["plain-base"][scale].mean.difference == 2.5
        gap = counted.scores["secret-adapter"][scale].against_first
        assert gap is not None
        assert (gap.difference, gap.low, gap.high) == (2.0, 2.0, 2.0)


def test_answers_of_another_form_and_malformed_ones_are_refused() -> None:
    _, key = make_form(EVALUATION, 4, 1)
    _, other = make_form(EVALUATION, 4, 2)
    with pytest.raises(DecodeError, match="Give the right key"):
        count_ratings(key, [answers(other, 1, 2)])
    with pytest.raises(DecodeError, match="was not saved by the rating form"):
        count_ratings(key, [b"[]"])
    with pytest.raises(DecodeError, match="= 6 is not in this form"):
        count_ratings(key, [answers(key, 1, 6)])
    with pytest.raises(InvalidData, match="Nobody has rated"):
        count_ratings(key, [json.dumps({"form": key["form"], "ratings": {}}).encode()])


def test_an_evaluation_without_summaries_cannot_be_rated() -> None:
    with pytest.raises(InvalidData, match="no summaries"):
        make_form(
            {"items": [{"id": "1", "text": "x"}], "results": [{"name": "a", "answers": [{"summary": None}]}]}, 1, 0
        )


def test_the_commands_make_a_form_and_count_the_answers(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(EVALUATION))
    page = tmp_path / "form.html"
    made = CliRunner().invoke(
        build_app(), ["rate", "form", str(tmp_path / "evaluation.json"), "--out", str(page), "--items", "3"]
    )
    assert made.exit_code == 0, made.output
    key = json.loads((tmp_path / "form.key.json").read_text())
    for rater, points in enumerate([(2, 4), (2, 5)]):
        (tmp_path / f"r{rater}.json").write_bytes(answers(key, *points))
    result = CliRunner().invoke(
        build_app(), ["rate", "count", str(tmp_path / "form.key.json"), *(str(p) for p in tmp_path.glob("r?.json"))]
    )
    assert result.exit_code == 0, result.output
    assert "2 raters, 3 texts" in result.output
    assert "| secret-adapter | 4.50 (4.50–4.50) [+2.50" in result.output
