"""Checks what a writer says about a window, and finds the open items that the window takes back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from schema.core.words import words
from schema.minutes.ledger import Change, ChangeKind, Item, ItemKind
from workers.summarize.checking.claim import MinutesClaim
from workers.summarize.checking.critic import included_critic
from workers.summarize.checking.critic_features import CriticReader
from workers.summarize.checking.evidence import Evidence
from workers.summarize.text.named_things import speak_of_different_things
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.writer import Draft

LANGUAGES = frozenset({"de", "en", "es", "fr"})
"""The critic learned these. In others the support of an item is the share of its words that its evidence has."""
_REVERSIBLE = (ItemKind.DECISION, ItemKind.ACTION)
_ENDS = (ChangeKind.WITHDRAW, ChangeKind.COMPLETE)


class WindowCheck:
    """A window, which must not be empty, against which drafts are checked. *people* are names that it may mention."""

    def __init__(self, window: Sequence[SpokenSegment], people: Collection[str], language: str) -> None:
        self._window = window
        self._language = language
        self._evidence = Evidence(window, language)
        self._reader = CriticReader(window, people, language)

    def changes(self, drafts: Iterable[Draft]) -> list[Change]:
        """*drafts* with their support. Drafts without evidence get the segments that have most of their words."""
        found = [self._by_words(draft) for draft in drafts]
        judged = [at for at, change in enumerate(found) if self._is_judged(change)]
        if not judged:
            return found
        critic = included_critic()
        supports = critic.support(self._reader, [_claim(found[at]) for at in judged])
        for at, support in zip(judged, supports, strict=True):
            supported = support >= critic.calibration.supported_from
            found[at] = replace(found[at], support=round(support, 3), supported=supported)
        return found

    def taken_back(self, items: Iterable[Item]) -> list[Change]:
        """Withdrawals of those *items* that the window surely takes back, with the segments that do."""
        standing = [item for item in items if item.kind in _REVERSIBLE]
        if not standing or self._language not in LANGUAGES:
            return []
        verdicts = included_critic().taken_back(self._reader, [_claim(item) for item in standing])
        return [
            Change(
                change=ChangeKind.WITHDRAW,
                item=item.id,
                kind=item.kind,
                text=item.text,
                owner=item.owner,
                due=item.due,
                evidence=verdict.segments,
                support=round(verdict.probability, 3),
                supported=True,
            )
            for item, verdict in zip(standing, verdicts, strict=True)
            if verdict.sure and not self._is_about_another(item, verdict.segments)
        ]

    def _is_about_another(self, item: Item, segments: Collection[int]) -> bool:
        said = " ".join(segment.text for segment in self._window if segment.id in segments)
        return speak_of_different_things(item.text, said, self._language)

    def _by_words(self, draft: Draft) -> Change:
        """*draft* with the share of its words that its evidence has.

        On a single track an owner is often named a sentence earlier, so the name is not checked.
        """
        bare = draft.text.removeprefix(f"{draft.owner} ") if draft.owner else draft.text
        checked = self._evidence.check(bare, draft.evidence or None)
        return Change(
            change=draft.change,
            item=draft.item or "",
            kind=draft.kind,
            text=draft.text,
            owner=draft.owner,
            due=draft.due,
            evidence=draft.evidence or checked.evidence,
            support=checked.support,
            supported=checked.supported,
            section=draft.section,
        )

    def _is_quoted_point(self, change: Change) -> bool:
        """Whether *change* is a point in words that stand one after another in its evidence."""
        said = " ".join(
            word.lower() for each in self._window if each.id in change.evidence for word in words(each.text)
        )
        told = " ".join(word.lower() for word in words(change.text))
        return change.kind is ItemKind.POINT and f" {told} " in f" {said} "

    def _is_judged(self, change: Change) -> bool:
        """Whether the critic can judge *change*. It did not learn what ends an item, and a quoted point was said."""
        if self._language not in LANGUAGES or change.change in _ENDS or self._is_quoted_point(change):
            return False
        return self._reader.has_evidence(_claim(change))


def _claim(of: Change | Item) -> MinutesClaim:
    return MinutesClaim(of.kind, of.text, of.evidence, of.owner, of.due)
