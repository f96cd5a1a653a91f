"""Names what a text is about, by its most telling nouns. Nouns are found by the words before them, without a model."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import stopwordsiso

from schema.core.words import words
from schema.minutes.calendar_names import CALENDARS
from workers.summarize.text.numbers import is_number
from workers.summarize.text.salience import keywords
from workers.summarize.text.stems import stem

PHRASES = 3
PHRASE_WORDS = 2
FEWEST_LETTERS = 3
_LONG_LETTERS = 8
_PHRASE_USES = 2
_LEAST_SHARE = 0.5
"""A noun is named beside the first one if it has this share of its weight."""
_NOUN_SHARE, _CAPITAL_SHARE = 0.3, 0.6
"""The share of a word's uses that look like a noun, from which on it is one."""


@dataclass(frozen=True, slots=True)
class _Grammar:
    """What finds the nouns of a language.

    A noun phrase begins after a word of `before`. Its main noun comes last if `head_last`, else first. Where nouns have
    `capitals`, these show them instead. `vague` are nouns that name no topic. `joint` stands before the last noun of a
    list. After a word of `subjects`, a word of `before` is a pronoun, as in `je la vois`. Words of `between` may stand
    between the two.
    """

    before: frozenset[str]
    joint: str
    vague: frozenset[str]
    between: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    head_last: bool = True
    capitals: bool = False


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GRAMMARS: Mapping[str, _Grammar] = {
    "en": _Grammar(
        _set("the a an our your my his her their this that these those of about for with each every another"),
        "and",
        _set(
            "bit case chance couple course day days deal end example fact fine folks guys half hand hour hours idea "
            "kind lot lots matter meeting minute minutes moment month months morning nothing number one ones pair "
            "people person piece place point problem question reason rest side sort stuff thing things time times "
            "today tomorrow tonight total way ways week weeks while whole year years yesterday hell heck god sake "
            "sure job other others line list"
        ),
        between=_set("new old next last first second other same whole big little small own only good great"),
    ),
    "de": _Grammar(
        _set("der die das den dem des ein eine einen einem einer eines unser unsere unseren unserem mein meine euer"),
        "und",
        _set(
            "abend ahnung anfang angst bitte dank ding dinge ende fall fälle fehler frage fragen frau freitag grund "
            "herr herrn idee jahr jahre jahren leute leuten mal mann mensch menschen minute minuten mittag mitte "
            "moment monat monate monaten montag morgen moin nachmittag problem prozent punkt punkte recht sache sachen "
            "sekunde sitzung sorge spaß stelle stunde stunden stück tag tage tagen teil uhr unterschied vormittag "
            "weg wegen weise woche wochen zeit ziel euro übrigens gott alles nichts etwas gut ordnung"
        ),
        capitals=True,
    ),
    "fr": _Grammar(
        _set(
            "le la les un une des du au aux notre nos votre vos mon ma mes son sa ses leur leurs ce cet cette ces "
            "chaque l"
        ),
        "et",
        _set(
            "affaire an année années ans après-midi aujourd'hui avis cas chose choses côté coup cours demain demi "
            "envie euros exemple fait faute fin fois foi gens genre heure heures idée jour jours journée lieu matin "
            "midi minute minutes mois moment monde mot moyen nombre partie peine personne personnes peu place plupart "
            "point problème question raison reste semaine semaines soir sorte suite temps tour tout train truc trucs "
            "tête veille vrai week-end bonne bon petit petite grand grande"
        ),
        between=_set("nouveau nouvel nouvelle nouveaux ancien ancienne petit petite grand grande autre autres même"),
        subjects=_set("je tu il elle on nous vous ils elles ne qui y en me te se j"),
        head_last=False,
    ),
    "es": _Grammar(
        _set(
            "el la los las un una unos unas del al de nuestro nuestra nuestros nuestras mi mis tu tus su sus este esta "
            "estos estas ese esa esos esas cada"
        ),
        "y",
        _set(
            "año años caso casos cosa cosas cuenta cuestión días día dios euros favor fin final forma gente gracias "
            "hora horas idea lado lugar manera mañana medio mes meses mitad minuto minutos modo momento mundo noche "
            "nombre parte persona personas primera primero problema punto punto razón resto rato semana semanas señor "
            "tarde tema tiempo tipo todo todos vez veces verdad vista pregunta"
        ),
        between=_set("nuevo nueva nuevos nuevas viejo vieja otro otra otros otras mismo misma gran"),
        subjects=_set("yo tú él ella me te se no nos ya"),
        head_last=False,
    ),
}
_TELLING = _set(
    "area areas group groups home member members order orders page pages room rooms system test text website research"
)
"""Words that the list of English stop words has although they name topics."""
_CLAUSE = re.compile(r"[^\w'’\-]*[.,;:!?…()\"«»„“”–—]+[^\w]*|\n")
_ELISION = re.compile(r"\b([cdjlmnst]|qu)['’](?=\w)", re.I)
_LEAST_MARKS = 2
"""Words before nouns that a text has at least, if it is in their language."""


def topic(texts: Sequence[str], language: str, people: Collection[str] = ()) -> str:
    """The most telling noun phrases of *texts*, such as `Regatta, Koppel und Steg`. Empty if there is none.

    Names of *people*, numbers and times name no topic. The nouns of English, German, French and Spanish are known. A
    meeting is sometimes marked with the wrong one of these languages, so the words before the nouns tell which it is.
    """
    if language not in _GRAMMARS:
        return ", ".join(keywords(texts, PHRASES, language)).capitalize()
    found = _language_of(texts, language)
    if found is None:
        return ""
    nouns = _Nouns(found, frozenset(part for name in people for part in name.lower().split()))
    for text in texts:
        nouns.read(text)
    chosen = nouns.best(PHRASES)
    joined = f" {_GRAMMARS[found].joint} ".join(filter(None, [", ".join(chosen[:-1]), *chosen[-1:]]))
    return f"{joined[:1].upper()}{joined[1:]}"


def _language_of(texts: Sequence[str], language: str) -> str | None:
    counted = Counter(word for text in texts for word in words(_ELISION.sub(r"\1 ", text.lower())))
    marks = {code: sum(counted[word] for word in grammar.before) for code, grammar in _GRAMMARS.items()}
    best = max(marks, key=lambda code: (marks[code], code == language))
    return best if marks[best] >= _LEAST_MARKS else None


class _Nouns:
    """Counts the nouns of texts in one language, and the phrases that they stand in."""

    def __init__(self, language: str, people: frozenset[str]) -> None:
        self._language = language
        self._grammar = _GRAMMARS[language]
        calendar = CALENDARS[language].words
        self._silent = self._grammar.vague | people | calendar | (stopwordsiso.stopwords(language) - _TELLING)
        self._said: Counter[str] = Counter()
        self._nouns: Counter[str] = Counter()
        self._written: dict[str, Counter[str]] = {}
        self._phrases: dict[str, Counter[str]] = {}

    def read(self, text: str) -> None:
        said: set[str] = set()
        for clause in _CLAUSE.split(_ELISION.sub(r"\1 ", text)):
            said |= self._read_clause(words(clause))
        self._said.update(said)

    def _read_clause(self, said: list[str]) -> set[str]:
        keys: set[str] = set()
        for at, word in enumerate(said):
            if not self._tells(word):
                continue
            keys.add(self._key(word))
            # The first word of a sentence has a capital anyway.
            self._written.setdefault(self._key(word), Counter())[word if at else word.lower()] += 1
            if self._begins(said, at):
                self._take(list(self._run(said, at)))
        return keys

    def _begins(self, said: list[str], at: int) -> bool:
        if self._grammar.capitals:
            return at > 0 and said[at][0].isupper()
        lead = [word.lower() for word in said[max(0, at - 3) : at]]
        if lead and (lead[-1] in self._grammar.between or is_number(lead[-1], self._language)):
            lead.pop()
        return bool(lead) and lead[-1] in self._grammar.before and self._grammar.subjects.isdisjoint(lead[-2:-1])

    def _run(self, said: list[str], at: int) -> Iterator[str]:
        for word in said[at : at + (1 if self._grammar.capitals else PHRASE_WORDS)]:
            if not self._tells(word):
                return
            yield word

    def _take(self, run: list[str]) -> None:
        head = self._key(run[-1] if self._grammar.head_last else run[0])
        self._nouns[head] += 1
        if len(run) > 1:
            self._phrases.setdefault(head, Counter())[" ".join(run)] += 1

    def best(self, count: int) -> list[str]:
        """At most *count* nouns that many texts have, each in its usual phrase."""
        ranked = sorted(filter(self._is_noun, self._nouns), key=self._weight, reverse=True)
        chosen: list[str] = []
        for key in ranked:
            phrase = self._phrase(key)
            telling = self._weight(key) >= _LEAST_SHARE * self._weight(ranked[0])
            if len(chosen) < count and telling and not any(self._overlap(phrase, other) for other in chosen):
                chosen.append(phrase)
        return chosen

    def _is_noun(self, key: str) -> bool:
        """Whether most forms look like a noun: an article stands before it, in German it has a capital."""
        forms = self._written[key]
        capital = sum(count for form, count in forms.items() if form[0].isupper())
        if self._grammar.capitals:
            return capital >= _CAPITAL_SHARE * forms.total()
        return self._nouns[key] >= _NOUN_SHARE * forms.total()

    def _weight(self, key: str) -> float:
        """In how many texts a noun is, at most three times as often as it is seen as one. Long words tell more."""
        return min(self._said[key], 3 * self._nouns[key]) * math.sqrt(min(len(key), _LONG_LETTERS))

    def _phrase(self, key: str) -> str:
        alone = self._written[key].most_common(1)[0][0]
        phrase, times = self._phrases.get(key, Counter({alone: 0})).most_common(1)[0]
        return phrase if times >= _PHRASE_USES else alone

    def _overlap(self, one: str, other: str) -> bool:
        return bool(set(map(self._key, one.split())) & set(map(self._key, other.split())))

    def _tells(self, word: str) -> bool:
        plain = len(word) >= FEWEST_LETTERS and all(part.isalpha() for part in word.split("-"))
        return plain and word.lower() not in self._silent and not is_number(word, self._language)

    def _key(self, word: str) -> str:
        return stem(word, self._language)
