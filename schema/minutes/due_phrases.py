"""How German, French and Spanish name days, as patterns that match a due time and also find it in a sentence.

The groups of a pattern are what it names: `near`, `weekday`, `day`, `month`, `year`, `count` and `unit`, `period`.
`next_week` puts a weekday into the following week, and `week_later` a week after the next such day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from schema.minutes.calendar_names import CALENDARS, spellings

_GERMAN_TENS = ("zwanzig", "dreißig")
_GERMAN_UNITS = ("ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
_GERMAN_ORDINALS = (
    *("erst", "zweit", "dritt", "viert", "fünft", "sechst", "siebt", "acht", "neunt", "zehnt", "elft", "zwölft"),
    *("dreizehnt", "vierzehnt", "fünfzehnt", "sechzehnt", "siebzehnt", "achtzehnt", "neunzehnt", "zwanzigst"),
    *(f"{unit}und{_GERMAN_TENS[0]}st" for unit in _GERMAN_UNITS),
    *("dreißigst", "einunddreißigst"),
)
_FRENCH_NUMBERS = (
    "un|une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit "
    "dix-neuf vingt vingt_et_un vingt-deux vingt-trois vingt-quatre vingt-cinq vingt-six vingt-sept vingt-huit "
    "vingt-neuf trente trente_et_un"
)
_SPANISH_NUMBERS = (
    "un|uno|una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve treinta treinta_y_uno"
)


@dataclass(frozen=True)
class DuePhrases:
    """The words of one language. The spellings of numbers begin with one, those of days with the first of a month.

    `alone` is the template of a day without its month. `leads` stand before a time. After one of `open_leads` no single
    day is meant, as in `vor Freitag`. `vague` are times that mean no single day.
    """

    language: str
    near: Mapping[str, int]
    numbers: tuple[tuple[str, ...], ...]
    days: tuple[tuple[str, ...], ...]
    units: Mapping[str, str]
    templates: tuple[str, ...]
    alone: str
    leads: str
    open_leads: str
    vague: str

    @cached_property
    def forms(self) -> tuple[re.Pattern[str], ...]:
        """Patterns of times that mean one day, with or without a lead."""
        filled = (*self._filled, self._fill(self.alone), _NUMERIC)
        return tuple(re.compile(rf"(?:(?:{self.leads})\s+)?{form}", re.I) for form in filled)

    @cached_property
    def finder(self) -> re.Pattern[str]:
        """Finds a time, `when`, with its lead: `lead`, or `open`."""
        # In a sentence, `am ersten` and `3.5` are days only where nothing follows that they could belong to.
        alone = rf"{self._fill(self.alone)}{_CLAUSE_END}"
        plain = [re.sub(r"\?P<\w+>", "?:", form) for form in (*self._filled, alone, self._fill(self.vague), _DATE)]
        lead = rf"(?:(?:(?P<lead>{self.leads})|(?P<open>{self.open_leads}))\s+)?"
        return re.compile(rf"(?<!\w){lead}(?P<when>{'|'.join(plain)})(?!\w)", re.I)

    @cached_property
    def weekdays(self) -> Mapping[str, int]:
        return _numbered(CALENDARS[self.language].weekdays, 0)

    @cached_property
    def months(self) -> Mapping[str, int]:
        return _numbered(CALENDARS[self.language].months, 1)

    def count(self, word: str) -> int:
        return int(word) if word.isdecimal() else _numbered(self.numbers, 1)[word]

    def day(self, word: str) -> int:
        return int(word) if word.isdecimal() else _numbered(self.days, 1)[word]

    @property
    def _filled(self) -> list[str]:
        return list(map(self._fill, self.templates))

    def _fill(self, template: str) -> str:
        """*template* with the words of the language for `<near>`, `<weekday>` and so on."""
        values = {
            "near": _one_of(self.near),
            "weekday": _one_of(self.weekdays),
            "month": _one_of(self.months),
            "day": rf"{_one_of(_numbered(self.days, 1))}|\d{{1,2}}(?!\d)",
            "count": rf"{_one_of(_numbered(self.numbers, 1))}|\d{{1,3}}",
            "unit": _one_of(self.units),
            "year": r"\d{4}",
        }
        return re.sub(r"(?<!P)<(\w+)>", lambda slot: f"(?P<{slot[1]}>{values[slot[1]]})", template)


def _one_of(words: Iterable[str]) -> str:
    """The longest word first, because a pattern takes the first that fits."""
    return "|".join(word.replace(" ", r"\s+") for word in sorted(words, key=len, reverse=True))


def _numbered(names: tuple[tuple[str, ...], ...], first: int) -> dict[str, int]:
    return {word: number for number, words in enumerate(names, first) for word in words}


_CLAUSE_END = r"(?=\s*(?:[.,;:!?]|$))"
_DATE = r"\d{1,2}\.\s?\d{1,2}\.(?:\s?\d{4})?|\d{1,2}/\d{1,2}/\d{4}"
_NUMERIC = r"(?P<day>\d{1,2})(?:\.\s?|/)(?P<month>\d{1,2})(?:\.(?!\d)|(?:\.\s?|/)(?P<year>\d{4}))?"

_GERMAN_PART = r"(?:\s*(?:früh|morgen|vormittag|mittag|nachmittag|abend|nacht))?"
_GERMAN_HOUR = r"(?:\s+(?:um|gegen|ab|bis|vor)\s+[\w:]+(?:\s+uhr)?)?"
GERMAN = DuePhrases(
    language="de",
    near={"heute": 0, "heut": 0, "morgen": 1, "übermorgen": 2},
    numbers=spellings(
        "ein|eine|einem|einer|einen zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn"
    ),
    days=tuple(tuple(f"{stem}{ending}" for ending in ("en", "er", "e")) for stem in _GERMAN_ORDINALS),
    units={
        **dict.fromkeys(("tag", "tage", "tagen"), "day"),
        **dict.fromkeys(("woche", "wochen"), "week"),
        **dict.fromkeys(("monat", "monate", "monaten"), "month"),
    },
    templates=(
        rf"(?<!am\s)(?<!guten\s)(?<!jeden\s)<near>(?:\s+noch)?{_GERMAN_PART}(?:\s+noch)?{_GERMAN_HOUR}",
        r"(?P<next_week>(?:nächste|kommende)[nr]?\s+woche)\s+(?:am\s+)?<weekday>" + _GERMAN_PART + _GERMAN_HOUR,
        r"(?:(?:nächste|kommende|diese)[nrms]?\s+)?<weekday>"
        + _GERMAN_PART
        + r"(?:(?P<next_week>\s+(?:der\s+)?(?:nächste|kommende)[nr]?\s+woche)|(?P<week_later>\s+in\s+einer\s+woche))?"
        r"(?:,?\s+(?:de[nmr]\s+)?<day>(?![:\w])\.?(?:\s+<month>(?:\s+<year>)?)?)?" + _GERMAN_HOUR,
        r"(?:in|innerhalb\s+von|binnen)\s+<count>\s+<unit>",
        r"(?:de[nmr]\s+)?<day>\.?\s+<month>(?:\s+<year>)?" + _GERMAN_HOUR,
        r"(?:zum\s+)?ende\s+(?:des|dieses)\s+(?P<period>monats|jahres)",
        r"(?P<period>monats|jahres)ende",
        r"ende\s+<month>",
    ),
    alone=r"(?:am|zum|dem|den)\s+<day>(?!\w)\.?",
    leads=r"(?:spätestens|möglichst)?\s*(?:bis\s+zum|bis\s+zur|bis\s+am|bis|am|zum|für|gleich)|spätestens",
    open_leads=r"vor\s+dem|vor|nach\s+dem|nach|ab\s+dem|ab",
    vague=r"(?:(?:ende|mitte|anfang)\s+(?:der\s+)?)?(?:diese|nächste|kommende)[rnms]?\s+(?:woche|monat|jahr|quartal)"
    r"|(?:ende|mitte|anfang)\s+der\s+woche|(?:mitte|anfang)\s+<month>|(?:am\s+)?wochenende",
)

_FRENCH_PART = r"(?:\s+(?:au\s+)?(?:matin|midi|soir|après-midi|après midi|nuit))?"
_FRENCH_HOUR = r"(?:,?\s+(?:à|avant|vers)\s+[\w-]+(?:\s+(?:heures?|h)(?:\s+\w+)?)?)?"
FRENCH = DuePhrases(
    language="fr",
    near={
        **dict.fromkeys(("aujourd'hui", "aujourd’hui", "ce soir", "ce matin", "ce midi", "cet après-midi"), 0),
        **dict.fromkeys(("cette nuit", "cet après midi"), 0),
        **{"demain": 1, "après-demain": 2},
    },
    numbers=spellings(_FRENCH_NUMBERS),
    days=(("premier", "1er"), *spellings(_FRENCH_NUMBERS)[1:]),
    units={
        **dict.fromkeys(("jour", "jours"), "day"),
        **dict.fromkeys(("semaine", "semaines"), "week"),
        "mois": "month",
    },
    templates=(
        rf"<near>(?:\s+même)?{_FRENCH_PART}{_FRENCH_HOUR}",
        r"(?:le\s+|ce\s+)?<weekday>(?:\s+(?:prochain|qui\s+vient))?"
        + _FRENCH_PART
        + r"(?:(?P<next_week>\s+(?:de\s+)?la\s+semaine\s+prochaine)|(?P<week_later>\s+en\s+huit))?"
        r"(?:,?\s+(?:le\s+)?<day>(?![:\w])(?!\s+heures?\b)(?:\s+<month>(?:\s+<year>)?)?)?" + _FRENCH_HOUR,
        r"(?:dans|sous|d['’]ici)\s+<count>\s+<unit>",
        r"(?:le\s+)?<day>\s+<month>(?:\s+<year>)?" + _FRENCH_HOUR,
        r"(?:à\s+)?(?:la\s+)?fin\s+(?:du|de\s+l['’])\s*(?P<period>mois|année)",
        r"(?:la\s+)?fin\s+(?:de\s+|d['’])?<month>",
    ),
    alone=r"le\s+<day>(?![\w-])(?!\s+heures?\b)",
    leads=r"d['’]ici(?:\s+à)?|jusqu['’](?:à|au)|pour|au\s+plus\s+tard|dès",
    open_leads=r"avant|après|à\s+partir\s+(?:de|du)",
    vague=r"(?:cette\s+semaine|(?:la\s+)?semaine\s+prochaine|(?:le\s+)?mois\s+prochain|ce\s+week-end|ce\s+mois-ci)"
    r"|(?:la\s+)?fin\s+de\s+(?:la\s+)?semaine|(?:début|mi)[-\s]<month>",
)

_SPANISH_PART = r"(?:\s+(?:por|a|en)\s+la\s+(?:mañana|tarde|noche)|\s+al?\s+mediodía|\s+a\s+primera\s+hora)?"
_SPANISH_HOUR = r"(?:,?\s+(?:a|antes\s+de)\s+las?\s+[\w:]+)?"
SPANISH = DuePhrases(
    language="es",
    near={
        **dict.fromkeys(("hoy", "esta tarde", "esta noche", "esta mañana"), 0),
        **{"mañana": 1, "pasado mañana": 2},
    },
    numbers=spellings(_SPANISH_NUMBERS),
    days=(("primero", "uno"), *spellings(_SPANISH_NUMBERS)[1:]),
    units={
        **dict.fromkeys(("día", "días"), "day"),
        **dict.fromkeys(("semana", "semanas"), "week"),
        **dict.fromkeys(("mes", "meses"), "month"),
    },
    templates=(
        rf"(?<!la\s)<near>(?:\s+mismo)?{_SPANISH_PART}{_SPANISH_HOUR}",
        r"(?:el\s+|este\s+)?(?:próximo\s+)?<weekday>(?:\s+próximo|\s+que\s+viene|\s+que\s+entra)?"
        + _SPANISH_PART
        + r"(?P<next_week>\s+de\s+la\s+(?:próxima\s+semana|semana\s+que\s+viene))?"
        r"(?:,?\s+(?:el\s+)?(?:día\s+)?<day>(?![:\w])(?:\s+de\s+<month>(?:\s+del?\s+<year>)?)?)?" + _SPANISH_HOUR,
        r"(?:en|dentro\s+de)\s+<count>\s+<unit>",
        r"(?:el\s+)?(?:día\s+)?<day>\s+de\s+<month>(?:\s+del?\s+<year>)?" + _SPANISH_HOUR,
        r"(?:a\s+)?(?:fin|final|finales)\s+del?\s+(?P<period>mes|año)",
        r"(?:a\s+)?(?:fin|final|finales)\s+de\s+<month>",
    ),
    alone=r"el\s+(?:mismo\s+)?(?:día\s+)?<day>(?!\w)",
    leads=r"para|hasta|a\s+más\s+tardar|como\s+muy\s+tarde",
    open_leads=r"antes\s+de|antes\s+del|después\s+de|después\s+del|a\s+partir\s+de|a\s+partir\s+del|desde",
    vague=r"(?:esta\s+semana|(?:la\s+)?semana\s+que\s+(?:viene|entra)|la\s+próxima\s+semana|(?:el|este)\s+fin\s+de\s+semana)"
    r"|el\s+mes\s+que\s+viene|(?:a\s+)?(?:mediados|principios)\s+de\s+<month>",
)
LANGUAGES = {each.language: each for each in (GERMAN, FRENCH, SPANISH)}
