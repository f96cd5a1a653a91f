"""Lines of text: every script and emoji is kept, and nothing reaches a terminal that it would obey."""

from __future__ import annotations

import pytest

from schema.core.errors import InvalidInput, NotFound
from schema.core.lines import as_line, same_line, shown, shown_name, without_ending

KEPT = {
    "Persian with a non-joiner": "می\u200cخواهم",
    "Hindi with a joiner": "क्\u200dष",
    "Hebrew with a direction mark": "שלום!\u200f",
    "Arabic letter mark": "\u061c12 مارس",
    "an isolated name": "with \u2068علی\u2069 today",
    "Khmer with a break": "ភាសា\u200bខ្មែរ",
    "a family": "👨\u200d👩\u200d👧",
    "a heart with a variation selector": "❤\ufe0f",
    "the flag of England": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "a new emoji that this Python does not know": "\U0001fae9",
    "a private character of a font": "\ue123",
    "a name with a compatibility ideograph": "\ufa19谷",
    "dots of a date": "Jour fixe 12.3. mit Kunden",
    "markup": "# <b>1.</b> | `x` & \\y",
}


@pytest.mark.parametrize("line", KEPT.values(), ids=KEPT)
def test_what_scripts_and_emoji_need_is_kept(line: str) -> None:
    assert as_line(line) == line
    assert shown(line) == line


@pytest.mark.parametrize(
    "space", ["\u00a0", "\u202f", "\u3000", "\u2003", "\u2028", "\u2029", "\t", "\r\n", "\x85", "  "]
)
def test_white_space_of_every_kind_becomes_one_space(space: str) -> None:
    assert as_line(f"{space}Launch{space}plan{space}") == "Launch plan"


@pytest.mark.parametrize("mark", ["\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\ufeff", "\u00ad", "\u206a"])
def test_marks_that_disguise_a_text_are_left_out(mark: str) -> None:
    assert as_line(f"Priya{mark}.exe") == "Priya.exe"


@pytest.mark.parametrize(
    ("text", "line"),
    [("\u2067abc", "\u2067abc\u2069"), ("a\u2069b", "ab"), ("\u2066\u2067a\u2069b", "\u2066\u2067a\u2069b\u2069")],
)
def test_isolates_are_closed_so_that_they_do_not_turn_what_follows(text: str, line: str) -> None:
    assert as_line(text) == line


@pytest.mark.parametrize("text", ["", " \t", "\u200d\u200c", "\u3164", "\ufe0f\u2060"])
def test_a_text_without_a_visible_character_is_empty(text: str) -> None:
    assert as_line(text) == ""


@pytest.mark.parametrize(
    "character", ["\0", "\x07", "\x1b", "\x7f", "\x9b", "\ud800", "\ufffe", "\ufdd0", "\U0010ffff"]
)
def test_what_is_no_text_is_refused_by_its_number(character: str) -> None:
    with pytest.raises(ValueError, match=f"U\\+{ord(character):04X}"):
        as_line(f"a{character}b")
    assert shown(f"a{character}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_names_are_equal_however_their_letters_are_composed() -> None:
    assert same_line("Zoe\u0301", "Zoé")
    assert same_line("Zoé\x1b", " Zo\u202ee\u0301")
    assert not same_line("Zoe", "Zoé")


def test_a_shown_text_keeps_its_length() -> None:
    text = "a\x1b[31m\n\u202e\u2028\ud83d\x9bé"
    assert shown(text) == "a\ufffd[31m \ufffd \ufffd\ufffdé"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("../../Weekly\\Launch.mp4", "Launch.mp4"),
        ("Jo\udce4n\x1b[1m.wav", "Jo\ufffdn[1m.wav"),
        ("جلسه\u200cها.wav", "جلسه\u200cها.wav"),
        ("a\nb.wav", "a b.wav"),
        ("x" * 400 + ".wav", "x" * 296 + ".wav"),
        ("folder/", ""),
    ],
)
def test_a_file_name_is_readable(path: str, name: str) -> None:
    assert shown_name(path) == name


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("talk.mp4", "talk"),
        ("talk.final.M4A", "talk.final"),
        ("clip.3gp", "clip"),
        ("Jour fixe 12.3. mit Kunden", "Jour fixe 12.3. mit Kunden"),
        ("Jour fixe 12.3. mit Kunden.flac", "Jour fixe 12.3. mit Kunden"),
        ("Jour fixe 12.3", "Jour fixe 12.3"),
        ("Release 2.0 with Dr. Chen", "Release 2.0 with Dr. Chen"),
        (".wav", ".wav"),
    ],
)
def test_only_the_ending_of_a_media_file_is_left_out_of_a_title(name: str, title: str) -> None:
    assert without_ending(name) == title


def test_an_error_that_quotes_a_value_cannot_change_the_terminal() -> None:
    assert NotFound("no upload '\x1b[2J\x9b'").detail == "no upload '\ufffd[2J\ufffd'"
    assert str(InvalidInput("one\ntwo\x07")) == "one\ntwo\ufffd"
