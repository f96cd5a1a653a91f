"""Measures whether the critic tells true sentences of minutes from false ones.

    python -m bench.critic [--dev] [--critic FOLDER]

Every sentence is judged with the turn that says most of it as its only evidence, because authors link one turn to most
false statements, but several to true ones. `--dev` measures the development meetings, by kind of falsehood and by
language, with the reliability of the probabilities. Otherwise the meetings of `bench/minutes` are measured as a whole.
`by words` is the share of a sentence's words that the evidence has. `cost` is the processor time per sentence.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.minutes.gold import Gold, GoldItem, GoldMeeting, read_gold
from schema.core.errors import MinutebookError
from schema.minutes.ledger import ItemKind
from training.data.invented_meetings import InventedKind, invented_meetings
from training.data.judgements import claim_of, main_turn, owner_in
from training.metrics.calibration import area_under_curve, calibration_error, reliability
from workers.summarize.checking.claim import MinutesClaim
from workers.summarize.checking.critic import FOLDER, Critic
from workers.summarize.checking.critic_features import CriticReader
from workers.summarize.checking.evidence import Evidence
from workers.summarize.text.segment import SpokenSegment

MEETINGS = Path(__file__).parent / "minutes" / "meetings"
_SECTIONS = {"decisions": ItemKind.DECISION, "actions": ItemKind.ACTION}


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence, whether it is true, and what was computed of it."""

    language: str
    kind: str
    true: bool
    probability: float
    supported: bool
    by_words: float


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", action="store_true", help="the development meetings, in detail")
    parser.add_argument("--critic", type=Path, default=FOLDER, help="a folder with a critic")
    arguments = parser.parse_args(argv)
    try:
        critic = Critic.load(arguments.critic)
        meetings = list(_dev_meetings() if arguments.dev else _bench_meetings())
    except MinutebookError as error:
        print(f"bench: {error.detail}", file=sys.stderr)
        return 1
    began = time.process_time()
    named = [each for meeting in meetings for each in meeting.check(critic)]
    cost_ms = 1000 * (time.process_time() - began) / len(named)
    nameless = [each for meeting in meetings for each in meeting.without_speakers().check(critic)]
    print("\n".join(_tables(named, nameless, arguments.dev)))
    print(f"\ncost: {cost_ms:.0f} ms of a core for each sentence")
    return 0


@dataclass(frozen=True, slots=True)
class _Meeting:
    """Turns of a meeting, and claims about it: of which kind each is, and whether it is true."""

    language: str
    turns: Sequence[SpokenSegment]
    people: Sequence[str]
    claims: Sequence[tuple[str, bool, MinutesClaim]]

    def without_speakers(self) -> _Meeting:
        return replace(self, turns=[replace(turn, speaker=None) for turn in self.turns])

    def check(self, critic: Critic) -> Iterator[Checked]:
        reader, evidence = CriticReader(self.turns, self.people, self.language), Evidence(self.turns, self.language)
        claims = [self._on_main_turn(claim) for _, _, claim in self.claims]
        for (kind, true, claim), probability in zip(self.claims, critic.support(reader, claims), strict=True):
            yield Checked(
                language=self.language,
                kind=kind,
                true=true,
                probability=probability,
                supported=probability >= critic.calibration.supported_from,
                by_words=evidence.support(claim.text, claim.evidence),
            )

    def _on_main_turn(self, claim: MinutesClaim) -> MinutesClaim:
        return replace(claim, evidence=(main_turn(claim.text, self.turns, claim.evidence, self.language),))


def _dev_meetings() -> Iterator[_Meeting]:
    for meeting in invented_meetings("dev"):
        claims = [
            (item.why or item.kind.value, item.kind is not InventedKind.FALSE, claim_of(item, meeting.people))
            for item in meeting.items
        ]
        yield _Meeting(meeting.language, meeting.turns, meeting.people, claims)


def _bench_meetings() -> Iterator[_Meeting]:
    for meeting in read_gold(MEETINGS):
        turns = meeting.segments()
        people = sorted({turn.speaker for turn in turns if turn.speaker})
        yield _Meeting(meeting.language, turns, people, list(_gold_claims(meeting, people)))


def _gold_claims(meeting: GoldMeeting, people: Sequence[str]) -> Iterator[tuple[str, bool, MinutesClaim]]:
    gold = meeting.gold
    for kind, items in _by_kind(gold):
        yield from ((kind.value, True, _gold_claim(kind, item, people)) for item in items)
    for trap in gold.traps:
        yield "trap", False, _gold_claim(_SECTIONS.get(trap.section, ItemKind.POINT), trap, people)


def _by_kind(gold: Gold) -> Iterator[tuple[ItemKind, Sequence[GoldItem]]]:
    yield ItemKind.DECISION, gold.decisions
    yield ItemKind.ACTION, gold.actions
    yield ItemKind.POINT, gold.facts
    yield ItemKind.QUESTION, gold.questions


def _gold_claim(kind: ItemKind, item: GoldItem, people: Sequence[str]) -> MinutesClaim:
    return MinutesClaim(
        kind, item.text, item.evidence, owner_in(item.text, people) if kind is ItemKind.ACTION else None
    )


def _tables(named: Sequence[Checked], nameless: Sequence[Checked], detailed: bool) -> Iterator[str]:
    yield "| sentences | true | false | true supported | false not supported | area | area by words |"
    yield f"|{' --- |' * 7}"
    yield _row("speakers known", named)
    yield _row("speakers unknown", nameless)
    if not detailed:
        return
    true = [each for each in named if each.true]
    for language in sorted({each.language for each in named}):
        yield _row(language, [each for each in named if each.language == language])
    for kind in sorted({each.kind for each in named if not each.true}):
        yield _row(kind, [*true, *(each for each in named if each.kind == kind and not each.true)])
    yield from _reliability(named)


def _row(name: str, checked: Sequence[Checked]) -> str:
    true, false = ([each for each in checked if each.true is truth] for truth in (True, False))
    supported = np.mean([each.supported for each in true])
    refused = np.mean([not each.supported for each in false])
    areas = [_area(true, false, lambda each: each.probability), _area(true, false, lambda each: each.by_words)]
    return (
        f"| {name} | {len(true)} | {len(false)} | {supported:.2f} | {refused:.2f} | {areas[0]:.2f} | {areas[1]:.2f} |"
    )


def _area(true: Iterable[Checked], false: Iterable[Checked], score: Callable[[Checked], float]) -> float:
    return area_under_curve(*(np.array([score(each) for each in group], np.float64) for group in (true, false)))


def _reliability(checked: Sequence[Checked]) -> Iterator[str]:
    probabilities = np.array([each.probability for each in checked])
    labels = np.array([each.true for each in checked], np.float64)
    yield "\n| probability | sentences | mean probability | true |"
    yield f"|{' --- |' * 4}"
    for each in reliability(probabilities, labels):
        low = int(each.probability * 10) / 10
        yield f"| {low:.1f}-{low + 0.1:.1f} | {each.count} | {each.probability:.2f} | {each.true:.2f} |"
    yield f"\nexpected calibration error: {calibration_error(probabilities, labels):.3f}"


if __name__ == "__main__":
    sys.exit(main())
