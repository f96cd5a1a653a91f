"""Claims about the invented meetings, true and false, for whoever learns to tell them apart.

True are the items of a meeting, in the words of their authors and as they were said, and the opposite of what was
rejected. False are the false statements of
the meeting, corruptions of true items, items that are said to rest on other lines, and decisions and tasks in words in
which nothing was decided.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from schema.core.sentences import split_sentences
from schema.core.words import count_words
from schema.minutes.ledger import ItemKind
from training.data.corruptions import corrupted, opposite
from training.data.invented_meetings import ITEM_KINDS, InventedItem, InventedKind, InventedMeeting
from workers.summarize.checking.claim import MinutesClaim
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.stems import content_stems

AUTHORED = "authored"
AS_SAID = "as-said"
DENIED = "denied"
WRONG_LINES = "wrong-lines"
NOTHING_DECIDED = "nothing-decided"
TAKEN_BACK = frozenset({"reversed", "withdrawn", "handed-over", "corrected"})
"""Kinds of false statements that were true until something later took them back."""
_DENIABLE = frozenset({"rejected", "negated", "proposal", "hypothetical"})
"""Kinds of false statements whose opposite is true."""
_OWNER_WORDS = 4
_SECTIONS = {"decisions": ItemKind.DECISION, "actions": ItemKind.ACTION, "any": ItemKind.POINT}
_TEXT_WORDS = 28
_APART_TURNS = 14
_AS_SAID_SHARE, _WRONG_LINES_SHARE = 0.5, 0.3
_IDLE_TURNS = 4
_NEIGHBOURS, _LINKED = 0.5, 0.75
"""Up to these shares, neighbouring turns, and turns that the author linked, join the main turn as evidence."""
_ADDED = 0.35


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """A claim and whether it is true. `why` is the kind of truth or falsehood; `back` are turns that show the latter.

    `main` is the turn that says most of it. The texts of `authored` judgements are as the author of the meeting wrote
    them; others are made from these.
    """

    claim: MinutesClaim
    true: bool
    why: str
    main: int
    authored: bool = False
    back: tuple[int, ...] = ()


def judgements_of(meeting: InventedMeeting) -> Iterator[JudgedClaim]:
    """The judgements on *meeting*, the same in every run."""
    rng = random.Random(hashlib.sha256(meeting.id.encode()).digest())  # noqa: S311 - the same in every run
    good = [item for item in meeting.items if item.kind in ITEM_KINDS]
    for item in good:
        yield from _on_item(item, good, meeting, rng)
    for item in meeting.of(InventedKind.FALSE):
        main, claim = _main_turn(meeting, item), claim_of(item, meeting.people)
        yield JudgedClaim(claim, False, item.why or "", main, authored=True, back=item.back)
        if claim.kind is not ItemKind.POINT:
            yield JudgedClaim(_as_said(claim, main, meeting), False, AS_SAID, main, back=item.back)
        denied = opposite(claim, meeting.language) if item.why in _DENIABLE and item.back else None
        if denied:
            yield JudgedClaim(replace(denied, evidence=(*item.evidence, *item.back)), True, DENIED, main)
    yield from _nothing_decided(meeting, rng)


def _on_item(
    item: InventedItem, good: list[InventedItem], meeting: InventedMeeting, rng: random.Random
) -> Iterator[JudgedClaim]:
    main, claim = _main_turn(meeting, item), claim_of(item, meeting.people)
    yield JudgedClaim(claim, True, AUTHORED, main, authored=True)
    if rng.random() < _AS_SAID_SHARE:
        yield JudgedClaim(_as_said(claim, main, meeting), True, AS_SAID, main)
    false = list(corrupted(claim, meeting.language, meeting.people, rng))
    if false:
        why, claim_made = rng.choice(false)
        yield JudgedClaim(claim_made, False, why.value, main)
    others = [other for other in good if _lie_apart(item, other)]
    if others and rng.random() < _WRONG_LINES_SHARE:
        other = rng.choice(others)
        yield JudgedClaim(replace(claim, evidence=other.evidence), False, WRONG_LINES, _main_turn(meeting, other))


def _main_turn(meeting: InventedMeeting, item: InventedItem) -> int:
    return main_turn(item.text, meeting.turns, item.evidence, meeting.language)


def claim_of(item: InventedItem, people: Sequence[str]) -> MinutesClaim:
    """The claim of *item*.

    False statements have no owner and no due time of their own. So owners are taken from the text and due times are
    left out, or else having them would tell true from false.
    """
    kind = ITEM_KINDS.get(item.kind) or _SECTIONS[item.section or "any"]
    return MinutesClaim(
        kind, item.text, item.evidence, owner_in(item.text, people) if kind is ItemKind.ACTION else None
    )


def owner_in(text: str, people: Sequence[str]) -> str | None:
    """Those of *people* whom *text*, the text of a task, begins with."""
    first = " ".join(text.split()[:_OWNER_WORDS])
    named = [name for name in people if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", first)]
    return " and ".join(named) or None


def main_turn(text: str, turns: Sequence[SpokenSegment], evidence: Sequence[int], language: str) -> int:
    """The turn of *evidence* that says most of what *text* says. If several say as much, the longest."""
    stems = set(content_stems(text, language))

    def share(turn: int) -> tuple[int, int]:
        said = turns[turn].text
        return len(stems & set(content_stems(said, language))), len(said)

    return max(evidence, key=share)


def _as_said(claim: MinutesClaim, main: int, meeting: InventedMeeting) -> MinutesClaim:
    """*claim* in the words of its main turn, those of its sentences that say most, as a simple writer puts it."""
    stems = set(content_stems(claim.text, meeting.language))
    sentences = split_sentences(meeting.turns[main].text)
    ranked = sorted(
        range(len(sentences)), key=lambda at: -len(stems & set(content_stems(sentences[at], meeting.language)))
    )
    kept: list[int] = []
    for at in ranked:
        if not kept or sum(count_words(sentences[each]) for each in (*kept, at)) <= _TEXT_WORDS:
            kept.append(at)
    return replace(claim, text=" ".join(sentences[at] for at in sorted(kept)))


def _lie_apart(item: InventedItem, other: InventedItem) -> bool:
    return min(abs(one - two) for one in item.evidence for two in other.evidence) > _APART_TURNS


def _nothing_decided(meeting: InventedMeeting, rng: random.Random) -> Iterator[JudgedClaim]:
    """Turns in which no item and no false statement is said, as decisions and tasks."""
    taken = {turn for item in meeting.items for turn in (*item.evidence, *item.back)}
    free = [turn.id for turn in meeting.turns if turn.id not in taken and count_words(turn.text) > 5]
    for turn in rng.sample(free, min(len(free), _IDLE_TURNS)):
        kind = rng.choice([ItemKind.DECISION, ItemKind.ACTION])
        owner = meeting.turns[turn].speaker if kind is ItemKind.ACTION else None
        claim = MinutesClaim(kind, meeting.turns[turn].text, (turn,), owner)
        yield JudgedClaim(_as_said(claim, turn, meeting), False, NOTHING_DECIDED, turn)


def loosened(judgement: JudgedClaim, turns: int, rng: random.Random) -> MinutesClaim:
    """The claim with evidence as an imperfect writer names it, of a meeting with so many *turns*.

    Authors link all turns that carry a true item, but often a single one for a false statement. So the main turn is
    always evidence, and others are added in the same way for true and false claims.
    """
    main, draw = judgement.main, rng.random()
    chosen = {main}
    if draw < _NEIGHBOURS:
        chosen |= {turn for turn in range(max(main - 2, 0), min(main + 4, turns)) if rng.random() < _ADDED}
    elif draw < _LINKED:
        linked = (*judgement.claim.evidence, *judgement.back)
        chosen |= {turn for turn in linked if abs(turn - main) < _APART_TURNS}
    return replace(judgement.claim, evidence=tuple(sorted(chosen)))
