"""Names and terms are spelled as people gave them, and other words stay."""

from __future__ import annotations

import pytest

from workers.summarize.text.spelling import Spelling


@pytest.mark.parametrize(
    ("name", "heard", "spelled"),
    [
        ("Priya Sharma", "Pria takes it.", "Priya takes it."),
        ("Priya Sharma", "Pria Sharma takes it.", "Priya Sharma takes it."),
        ("Jürgen Weiß", "Jurgen Weiss fragt.", "Jürgen Weiß fragt."),
        ("Philipp", "Then Filip said no.", "Then Philipp said no."),
        ("Søren", "Ask Sören.", "Ask Sören."),
        ("Marc", "Mark asks.", "Marc asks."),
        ("Marc", "We mark the file.", "We mark the file."),
        ("Marie", "Maria asks.", "Maria asks."),
        ("Wil", "Will that do?", "Will that do?"),
        ("Jan", "Jane asks.", "Jane asks."),
        ("Priya Sharma", "Ask Pria. Sharma is away.", "Ask Priya. Sharma is away."),
        ("Mia", "MIA asks Mia's boss.", "Mia asks Mia's boss."),
    ],
)
def test_a_participant_is_spelled_as_given(name: str, heard: str, spelled: str) -> None:
    assert Spelling([name], []).spelled(heard) == spelled


@pytest.mark.parametrize(
    ("term", "heard", "spelled"),
    [
        ("GitHub", "it is on git hub, not github.", "it is on GitHub, not GitHub."),
        ("Northwind", "A north wind blows.", "A north wind blows."),
        ("Northwind", "Ask North Wind.", "Ask Northwind."),
        ("IT", "it is done by IT", "it is done by IT"),
        ("café", "Cafe and cafe.", "Café and café."),
        ("Kubernetes", "Cubernetes runs.", "Kubernetes runs."),
        ("kubectl", "Kubectl runs.", "Kubectl runs."),
        ("C++", "Plan C or vitamin c.", "Plan C or vitamin c."),
        ("Node.js", "Node js runs.", "Node.js runs."),
    ],
)
def test_a_term_is_spelled_as_given(term: str, heard: str, spelled: str) -> None:
    assert Spelling([], [term]).spelled(heard) == spelled


def test_a_name_that_was_given_is_never_changed_into_another() -> None:
    spelling = Spelling(["Marc Meier", "Mark Maier"], [])
    assert spelling.spelled("Mark Maier asks Marc Meier.") == "Mark Maier asks Marc Meier."


def test_a_text_without_names_to_spell_stays_the_same() -> None:
    assert Spelling([], []).spelled("  Pria,  hi ") == "  Pria,  hi "
