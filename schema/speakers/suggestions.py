"""Names that were spoken in a meeting, suggested for its people with what speaks for them.

Somebody who says "I'm Tom" is probably Tom. Somebody who speaks after "Priya, will you review it?" or before "Thanks,
Priya" is probably Priya. Names are suggested, never given.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from schema.core.lines import same_line
from schema.core.units import samples_of_s
from schema.meetings.tables import Segment
from schema.speakers.people import People

NEAR_SAMPLES = samples_of_s(8)
"""Somebody who is spoken to answers within this time."""
EVIDENCE_SHOWN = 3
_NAME = r"(?P<name>[A-ZÀ-ÖØ-Þ][\w'’-]{1,30}(?: [A-ZÀ-ÖØ-Þ][\w'’-]{1,30})?)"
_INTRODUCED = re.compile(
    r"(?:\b[Ii]['’]m|\b[Ii] am|\b[Mm]y name is|\b[Tt]his is|\b[Ii]ch bin|\b[Mm]ein Name ist|\b[Ii]ch heiße|"
    rf"\b[Jj]e suis|\b[Jj]e m['’]appelle|\b[Mm]e llamo|\b[Ss]oy|\b[Mm]i nombre es) {_NAME}"
)
_THANKED = re.compile(rf"\b(?:[Tt]hanks|[Tt]hank you|[Dd]anke|[Mm]erci|[Gg]racias),? {_NAME}\s*[.!,]")
_CALLED = re.compile(rf"(?:^{_NAME}, |, (?P<last>[A-ZÀ-ÖØ-Þ][\w'’-]{{1,30}})\?$)")
NameKind = Literal["introduced", "thanked", "called"]
WEIGHTS: dict[NameKind, int] = {"introduced": 3, "thanked": 1, "called": 1}
LEAST_WEIGHT = 2
"""One sentence in which somebody introduces himself is enough, or two in which others name him."""
_CAPITALS = """
I OK Okay Yes No So Well And But Right Sure Great Good Now Then Also Anyway Yeah Hello Hi Everyone Everybody All Guys
Thanks Sorry Please Actually First Second Third Finally Next Today Tomorrow Monday Tuesday Wednesday Thursday Friday
Saturday Sunday January February March April May June July August September October November December Ja Nein Gut
Dann Heute Morgen Danke Bitte Oui Non Bon Bonjour Merci Alors Sí Bueno Vale Gracias Hola Entonces
"""
_NO_NAMES = frozenset(_CAPITALS.split())
"""Words with a capital letter that are no names."""


@dataclass(frozen=True, slots=True)
class SpokenName:
    """A name in one segment: who it speaks for, by number, and why."""

    person: int
    name: str
    kind: NameKind
    segment: Segment


@dataclass(frozen=True, slots=True)
class NameSuggestion:
    """`name` may be that of person `number`. The evidence has at most three sentences, in order."""

    number: int
    name: str
    evidence: tuple[SpokenName, ...]


def suggested_names(people: People, segments: Sequence[Segment], participants: Sequence[str]) -> list[NameSuggestion]:
    """At most one name for each person without a name, and each name for one person only.

    *segments* are in order. A first name that belongs to one of *participants* becomes the whole name.
    """
    found = list(_spoken(people, segments))
    weights: Counter[tuple[int, str]] = Counter()
    known = {name for name in map(people.shown, people.roots) if name}
    for each in found:
        name = _whole(each.name, participants)
        bonus = 1 if name in participants else 0
        weights[each.person, name] += WEIGHTS[each.kind] + bonus
    by_name: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for (number, name), weight in weights.items():
        by_name[name].append((weight, number))
    chosen: dict[int, tuple[int, str]] = {}
    for name, claims in by_name.items():
        (weight, number), *others = sorted(claims, reverse=True)
        unclear = bool(others) and others[0][0] == weight
        named = people.rows[number].name is not None or any(same_line(name, other) for other in known)
        if weight >= LEAST_WEIGHT and not unclear and not named and weight > chosen.get(number, (0, ""))[0]:
            chosen[number] = (weight, name)
    return [
        NameSuggestion(number, name, tuple(_evidence(found, number, name, participants)))
        for number, (_, name) in sorted(chosen.items())
    ]


def _evidence(found: Sequence[SpokenName], number: int, name: str, participants: Sequence[str]) -> list[SpokenName]:
    mine = [each for each in found if each.person == number and _whole(each.name, participants) == name]
    return mine[:EVIDENCE_SHOWN]


def _whole(name: str, participants: Sequence[str]) -> str:
    """The participant whom a spoken name means, else the name itself."""
    if name in participants:
        return name
    mine = [each for each in participants if name.split()[0] == each.split()[0]]
    return mine[0] if len(mine) == 1 else name.split()[0]


def _spoken(people: People, segments: Sequence[Segment]) -> Iterator[SpokenName]:
    for at, segment in enumerate(segments):
        if segment.person is None:
            continue
        for match in _INTRODUCED.finditer(segment.text):
            yield from _named(people.root(segment.person), match["name"], "introduced", segment)
        for match in _THANKED.finditer(segment.text):
            yield from _named(_other(people, segments, at, -1), match["name"], "thanked", segment)
        for match in _CALLED.finditer(segment.text):
            yield from _named(_other(people, segments, at, 1), match["name"] or match["last"], "called", segment)


def _named(person: int | None, name: str, kind: NameKind, segment: Segment) -> Iterator[SpokenName]:
    if person is not None and name.split()[0] not in _NO_NAMES:
        yield SpokenName(person, name, kind, segment)


def _other(people: People, segments: Sequence[Segment], at: int, step: int) -> int | None:
    """The next person before or after segment *at* who is somebody else, if he speaks soon."""
    here = segments[at]
    me, beside = people.root(here.person or 0), at + step
    while 0 <= beside < len(segments):
        there = segments[beside]
        gap = there.first_sample - here.end_sample if step > 0 else here.first_sample - there.end_sample
        if gap > NEAR_SAMPLES:
            return None
        if there.person is not None and people.root(there.person) != me:
            return people.root(there.person)
        beside += step
    return None
