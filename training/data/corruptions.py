"""False statements that are made from true ones, in English, German, French and Spanish.

Each is a sentence that careless minutes might contain: other people, other numbers, another day, or the opposite. The
rules only change what they understand, so a sentence often gives no corruption of some kinds.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum

from schema.minutes.ledger import ItemKind
from workers.summarize.checking.claim import MinutesClaim


class Corruption(StrEnum):
    OTHER_PERSON = "other-person"
    OTHER_NUMBER = "other-number"
    OTHER_DAY = "other-day"
    OPPOSITE = "opposite"


def corrupted(
    claim: MinutesClaim, language: str, people: Sequence[str], rng: random.Random
) -> Iterator[tuple[Corruption, MinutesClaim]]:
    """The corruptions of *claim*, at most one of each kind. *people* are the names of those who take part."""
    made = (
        (Corruption.OTHER_PERSON, _other_person(claim, people, rng)),
        (Corruption.OTHER_NUMBER, _other_number(claim, language, rng)),
        (Corruption.OTHER_DAY, _other_day(claim, language, rng)),
        (Corruption.OPPOSITE, opposite(claim, language)),
    )
    return ((kind, false) for kind, false in made if false is not None and false != claim)


def _other_person(claim: MinutesClaim, people: Sequence[str], rng: random.Random) -> MinutesClaim | None:
    """*claim* about somebody else. If it names two people, they change places, so that who does what is wrong."""
    named = sorted((name for name in people if _name(name).search(claim.text)), key=claim.text.find)
    others = [name for name in people if name not in named and name != claim.owner]
    if len(named) == 2:
        text = _swapped(claim.text, *named)
    elif len(named) == 1 and others:
        named.append(rng.choice(others))
        text = _name(named[0]).sub(named[1], claim.text)
    else:
        return None
    owners = dict(zip(named, reversed(named), strict=True))
    return replace(claim, text=text, owner=owners.get(claim.owner or "", claim.owner))


def _name(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")


def _swapped(text: str, one: str, other: str) -> str:
    both = re.compile(rf"(?<!\w)(?:{re.escape(one)}|{re.escape(other)})(?!\w)")
    return both.sub(lambda match: other if match[0] == one else one, text)


_DIGITS = re.compile(r"(?<![\w.,:])\d+(?:[.,:]\d+)*(?!\w)")
_SPELLED = {
    "en": "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty eighty",
    "de": "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf fünfzehn zwanzig dreißig vierzig fünfzig sechzig",
    "fr": "deux trois quatre cinq six sept huit dix onze douze quinze vingt trente quarante cinquante soixante",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez once doce quince veinte treinta cuarenta cincuenta sesenta",
}


def _other_number(claim: MinutesClaim, language: str, rng: random.Random) -> MinutesClaim | None:
    if match := _DIGITS.search(claim.text):
        return replace(claim, text=_put(claim.text, match, _near_number(match[0], rng)))
    return _exchanged(claim, _SPELLED.get(language, "").split(), rng)


def _near_number(digits: str, rng: random.Random) -> str:
    """Another number that looks like *digits*: one of its leading digits differs."""
    at = rng.randrange(min(2, len(digits)))
    if not digits[at].isdigit():
        at = 0
    choices = [digit for digit in "123456789" if digit != digits[at]]
    return f"{digits[:at]}{rng.choice(choices)}{digits[at + 1 :]}"


_DAYS = {
    "en": (
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "January February March April June July August September October November December",
    ),
    "de": (
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    ),
    "fr": (
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    ),
    "es": (
        "lunes martes miércoles jueves viernes sábado domingo",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    ),
}


def _other_day(claim: MinutesClaim, language: str, rng: random.Random) -> MinutesClaim | None:
    found = (_exchanged(claim, words.split(), rng) for words in _DAYS.get(language, ()))
    return next((each for each in found if each is not None), None)


def _exchanged(claim: MinutesClaim, words: Sequence[str], rng: random.Random) -> MinutesClaim | None:
    """*claim* with one of *words* in its text, or else in its due time, exchanged for another of them."""
    if not words:
        return None
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(words)})(?![\w-])")
    if match := pattern.search(claim.text):
        return replace(claim, text=_put(claim.text, match, _another(match[0], words, rng)))
    if claim.due and (match := pattern.search(claim.due)):
        return replace(claim, due=_put(claim.due, match, _another(match[0], words, rng)))
    return None


def _another(word: str, words: Sequence[str], rng: random.Random) -> str:
    return rng.choice([other for other in words if other != word])


def _put(text: str, match: re.Match[str], new: str) -> str:
    return f"{text[: match.start()]}{new}{text[match.end() :]}"


Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def opposite(claim: MinutesClaim, language: str) -> MinutesClaim | None:
    """*claim* with its negation taken away, or with one put in. None where no rule fits."""
    if claim.kind is ItemKind.QUESTION:
        return None
    for pattern, new in (*_DENIALS.get(language, ()), *_ASSERTIONS.get(language, ())):
        text, count = pattern.subn(new, claim.text, count=1)
        if count:
            return replace(claim, text=_as_sentence(text))
    if claim.owner and claim.text.startswith(f"{claim.owner} ") and language in _DENY_TASK:
        denied = _DENY_TASK[language](claim.text.removeprefix(f"{claim.owner} "))
        return replace(claim, text=f"{claim.owner} {denied}") if denied else None
    return None


def _as_sentence(text: str) -> str:
    """*text* with a capital at its beginning, also where a word was put there: `No hay` for `no Hay`."""
    text = re.sub(r"(?<=^no )\w", lambda match: match[0].lower(), text)
    return f"{text[0].upper()}{text[1:]}"


def _rules(*rules: tuple[str, str | Callable[[re.Match[str]], str]]) -> tuple[Rule, ...]:
    return tuple((re.compile(pattern, re.I), new) for pattern, new in rules)


def _french_denial(match: re.Match[str]) -> str:
    ne = "n'" if match[1][0].lower() in "aeéèêiouh" else "ne "
    return f"{ne}{match[1]} pas"


_DENIALS: dict[str, tuple[Rule, ...]] = {
    "en": _rules(
        (r"\b(is|are|was|were|will|must|can|should|has|have|may|does|do) not\b", r"\1"),
        (r"\bcannot\b", "can"),
        (r"\bno longer\b", "still"),
        (r"\bwithout\b", "with"),
        (r"\bno (?=[a-z])", "a "),
        (r"\bnot (?=[a-z])", ""),
    ),
    "de": _rules((r"\bkein(e|en|er|em|es)?\b", r"ein\1"), (r" nicht\b(?! mehr)", ""), (r"\bohne\b", "mit")),
    "fr": _rules((r"\b(?:ne |n['’])((?:\w+['’])?\w+) (?:pas|plus)\b", r"\1"), (r"\bsans\b", "avec")),
    "es": _rules((r"(?<!\w)no (?=\w)", ""), (r"\bsin\b", "con")),
}
_ASSERTIONS: dict[str, tuple[Rule, ...]] = {
    "en": _rules((r"\b(is|are|was|were|will|must|can|should|has to|may)\b", r"\1 not")),
    "de": _rules(
        (
            r"\b(wird|werden|ist|sind|hat|haben|kann|können|muss|müssen|soll|sollen|bleibt|darf|dürfen)\b(?! ?[.,;])",
            r"\1 nicht",
        )
    ),
    "fr": _rules((r"\b(est|sont|sera|seront|va|vont|doit|doivent|peut|peuvent|reste|restent)\b", _french_denial)),
    "es": _rules(
        (
            r"\b((?:se )?(?:es|son|está|están|va|van|será|serán|hay|tiene|tienen|ha|han|puede|pueden|debe|deben))\b",
            r"no \1",
        ),
    ),
}
_SEPARABLE = re.compile(
    r" (?:an|ab|auf|aus|ein|vor|zu|mit|nach|um|weiter|zurück|durch|fest|bei|los|her|hin|raus|vorbei|weg|bereit)\.$"
)


def _deny_english(task: str) -> str | None:
    """`does not ask for quotes` for `asks for quotes`."""
    verb, _, rest = task.partition(" ")
    if not re.fullmatch(r"[a-z]+s", verb) or not rest:
        return None
    base = {"has": "have", "does": "do", "goes": "go"}.get(verb)
    if base is None and verb.endswith("ies"):
        base = f"{verb[:-3]}y"
    if base is None:
        base = re.sub(r"(?<=ch|sh|ss)es$|(?<=[xz])es$|s$", "", verb)
    return f"does not {base} {rest}"


def _deny_german(task: str) -> str | None:
    if "," in task or " und " in task or not task.endswith("."):
        return None
    end = _SEPARABLE.search(task)
    at = end.start() if end else len(task) - 1
    return f"{task[:at]} nicht{task[at:]}"


def _deny_french(task: str) -> str | None:
    verb = re.match(r"((?:se |s['’]|lui |leur |les |le |la |l['’]|en |y )?)(\w+)", task)
    if verb is None:
        return None
    pronoun = verb[1]
    ne = "n'" if (pronoun or verb[2])[0].lower() in "aeéèêiouh" else "ne "
    return f"{ne}{pronoun}{verb[2]} pas{task[verb.end() :]}"


_DENY_TASK: dict[str, Callable[[str], str | None]] = {
    "en": _deny_english,
    "de": _deny_german,
    "fr": _deny_french,
    "es": lambda task: f"no {task}",
}
