from __future__ import annotations

from pathlib import Path

import pytest
import snowballstemmer
from hypothesis import given
from hypothesis import strategies as st

from schema.core.language import language_of
from schema.core.sentences import split_sentences
from schema.core.wire import LANGUAGES
from tests.declaration import CHINESE, JAPANESE, THAI
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment, statements
from workers.summarize.text.stems import STEMMERS, content_stems, names, stem
from workers.summarize.text.stop_words import stop_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("five hundred euros", {"500"}),
        ("1,200 boxes or 3.5 tons", {"1200", "3.5"}),
        ("the ninth of May", {"9"}),
        ("the 9th of May", {"9"}),
        ("twenty-three, two four", {"23", "2", "4"}),
        ("two hundred and one of them", {"200"}),
        ("one of them, second point", set()),
        ("at 10:30", {"10:30"}),
        ("a hundred and five, then three point five", {"105", "3.5"}),
        ("at three-thirty, ten o'clock, and the first ones of thousands", {"3", "30", "10"}),
        ("one, two, one of them", {"1", "2"}),
        ("speaker o- and the O K button", set()),
    ],
)
def test_numbers_are_normalised(text: str, expected: set[str]) -> None:
    assert numbers(text, "en") == expected


@pytest.mark.parametrize(
    ("language", "spelled", "digits"),
    [
        ("de", "Am neunten Mai kosten dreiundzwanzig Stück sieben Komma fünf Euro, sagt ein Mann.", "9. 23 7,5"),
        ("de", "eintausendzweihundert", "1.200"),
        ("fr", "Quatre-vingt-quinze personnes et un enfant le neuf mai", "95, 9"),
        ("es", "ochenta y cinco cajas, una mesa", "85"),
        ("it", "centoventi metri", "120"),
        ("pt", "trinta e dois", "32"),
        ("nl", "vijfentwintig stoelen en een tafel", "25"),
        ("da", "femogtyve stole", "25"),
    ],
)
def test_numbers_are_understood_in_other_languages(language: str, spelled: str, digits: str) -> None:
    assert numbers(spelled, language) == numbers(digits, language) != frozenset()


def test_without_number_words_of_a_language_its_digits_count() -> None:
    assert numbers("пять коробок или 12", "ru") == {"12"}


@given(st.text(), st.sampled_from(["en", "de", "fr", "ru", "zh"]))
def test_no_text_is_too_odd_for_its_words_and_numbers(text: str, language: str) -> None:
    assert len(numbers(text, language)) <= len(text)
    assert len(content_stems(text, language)) <= len(text)


@pytest.mark.parametrize(
    ("one", "other"), [("reviews", "reviewed"), ("moves", "moving"), ("parsers", "parser"), ("Tom's", "tom")]
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one, "en") == stem(other, "en")


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "using", "used"),
        ("de", "Häuser", "Hauses"),
        ("fr", "continuellement", "continuel"),
        ("ru", "книгами", "книга"),
        ("hi", "लड़कों", "लड़का"),
        ("tr", "evlerde", "evler"),
    ],
)
def test_forms_of_a_word_share_a_stem_in_its_language(language: str, one: str, other: str) -> None:
    assert stem(one, language) == stem(other, language) != stem("xyz", language)


def test_without_a_stemmer_a_word_is_compared_as_it_is() -> None:
    assert stem("Điện", "vi") == "điện"


def test_every_stemmer_belongs_to_a_language_that_can_be_heard() -> None:
    assert STEMMERS.keys() <= LANGUAGES
    assert set(STEMMERS.values()) <= set(snowballstemmer.algorithms())


def test_the_first_word_of_a_sentence_is_not_a_name() -> None:
    assert names("Good, I asked Priya on Monday.", "en") == {"priya", "monday"}


def test_an_abbreviation_does_not_end_a_sentence() -> None:
    assert split_sentences("Dr. Who came. No. 5 lives! Right?  这是。好") == [
        "Dr. Who came.",
        "No. 5 lives!",
        "Right?",
        "这是。",
        "好",
    ]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("预算够吗？够了。我们星期五决定！", ["预算够吗？", "够了。", "我们星期五决定！"]),
        ("彼は「もう行く。」と言った。はい。", ["彼は「もう行く。」", "と言った。", "はい。"]),
        ("बजट तैयार है। क्या हम शुरू करें? हाँ।", ["बजट तैयार है।", "क्या हम शुरू करें?", "हाँ।"]),
        ("هل الميزانية جاهزة؟ نعم. نبدأ غدا!", ["هل الميزانية جاهزة؟", "نعم.", "نبدأ غدا!"]),
        ("کیا بجٹ تیار ہے؟ جی ہاں۔ شکریہ۔", ["کیا بجٹ تیار ہے؟", "جی ہاں۔", "شکریہ۔"]),
        ("สวัสดีครับ วันนี้คุยเรื่องงบประมาณ เริ่มได้", ["สวัสดีครับ", "วันนี้คุยเรื่องงบประมาณ", "เริ่มได้"]),
        ("ไม่ว่าชนิดใด ๆ ก็ใช้ได้ใน 3 วัน", ["ไม่ว่าชนิดใด ๆ ก็ใช้ได้ใน 3 วัน"]),
        ('She said "Go." Then (at 3.5 bar) it burst.', ['She said "Go."', "Then (at 3.5 bar) it burst."]),
    ],
)
def test_sentences_end_as_their_script_has_it(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@given(st.text(alphabet='ab Iก3.?!।。」"ๆ\n'))
def test_every_character_is_in_exactly_one_sentence(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


def test_a_sentence_without_spaces_names_the_segments_that_it_stands_in() -> None:
    said = [SpokenSegment(1, "Li", 0, 1, "预算够了。我们"), SpokenSegment(2, "Li", 1, 2, "星期五决定。好。")]
    assert [(each.text, each.segments) for each in statements(said)] == [
        ("预算够了。", (1,)),
        ("我们 星期五决定。", (1, 2)),
        ("好。", (2,)),
    ]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "So we have to move the launch to Monday and call the customers."),
        ("de", "Wir verschieben den Start auf Montag und rufen danach alle Kunden an."),
        ("fr", "On repousse le lancement à lundi et ensuite on appelle les clients."),
        ("zh", CHINESE[2]),
        ("ja", JAPANESE[2]),
        ("th", THAI[2]),
        ("en", "Hm."),
    ],
)
def test_a_language_that_nobody_names_is_told_from_the_words(language: str, text: str) -> None:
    assert language_of("auto", [text]) == language_of(None, [text]) == language
    assert language_of("pl", [text]) == "pl"


def test_the_language_of_recorded_sentences_is_told(shared: Path) -> None:
    texts = sorted((shared / "audio/fleurs").glob("*.txt"))
    assert len(texts) == 25
    for path in texts:
        assert language_of("auto", [path.read_text(encoding="utf-8")]) == path.name.split("-")[1], path.name


def test_words_that_say_little_are_those_of_the_language() -> None:
    assert content_stems("Was also die Bank", "de") == ("bank",)
    assert content_stems("Was also die Bank", "en") == ("die", "bank")
    assert stop_words("yue") == stop_words("zh")
    assert stop_words("haw") == frozenset()
