"""Templates are read from YAML, with errors that name the file, the fault and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.core.errors import InvalidInput
from schema.minutes.ledger import ItemKind
from schema.templates.template import SHIPPED, find_template, load_templates, read_template

LANGUAGES = {"en", "de", "fr", "es"}


def test_the_shipped_templates_have_headings_in_four_languages() -> None:
    templates = load_templates(None)
    assert set(templates) == {"general", "stand-up", "one-to-one", "interview", "lecture", "formal"}
    headings = [section.heading for template in templates.values() for section in template.sections]
    assert [heading for heading in headings if set(heading) != LANGUAGES] == []
    assert templates["general"].is_plain
    assert [name for name, each in templates.items() if each.is_plain] == ["general"]
    assert "Motions" in templates["formal"].point_sections


def test_a_folder_adds_templates_and_replaces_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "retro.yaml").write_text("title: Retro\nsections:\n  - heading: {en: Went well}\n    holds: Praise.\n")
    (tmp_path / "general.yaml").write_text(
        "title: Ours\ntone: Plain.\nsections:\n  - heading: {en: To do}\n    kind: action\n"
    )
    templates = load_templates(tmp_path)
    assert templates["retro"].sections[0].heading_in("de") == "Went well"
    assert templates["general"].sections[0].kind is ItemKind.ACTION
    assert len(templates) == len(list(SHIPPED.glob("*.yaml"))) + 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: [", "cannot be read as YAML"),
        ("tone: Plain.", "title: Field required"),
        ("title: A\nmood: good", "mood: Extra inputs are not permitted"),
        ("title: A\npoints: 11", "points: Input should be less than or equal to 10"),
        ("title: A\nsections:\n  - heading: {en: B}", "either 'kind' or, for points, 'holds'"),
        (
            "title: A\nsections:\n  - {heading: {en: B}, kind: action, holds: C}",
            "either 'kind' or, for points, 'holds'",
        ),
        ("title: A\nsections:\n  - {heading: {de: B}, holds: C}", "no English text; give 'en'"),
        ("title: A\nsections:\n  - {heading: {en: B}, kind: point}", "leave 'kind' out"),
        ("title: A\nsections:\n  - {heading: {en: B}, holds: C, limit: 51}", "sections.0.limit"),
    ],
)
def test_a_file_that_is_no_template_is_refused_with_its_fault(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        read_template(path)
    assert str(path) in caught.value.detail
    assert told in caught.value.detail


def test_a_name_that_nobody_could_ask_for_is_refused(tmp_path: Path) -> None:
    (tmp_path / "My Template.yaml").write_text("title: A")
    with pytest.raises(InvalidInput, match="use small letters, digits and hyphens"):
        load_templates(tmp_path)


def test_an_unknown_template_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="'poem' is not known; use one of formal, general, interview, lecture"):
        find_template("poem", None)


def test_a_folder_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"MINUTEBOOK_TEMPLATE_DIR is .*/none, which is no folder"):
        load_templates(tmp_path / "none")
