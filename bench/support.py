"""Measures how well the support score separates true sentences from false ones.

    python -m bench.support DATA/meetings/dev.jsonl.gz DATA/meetings/train.jsonl.gz [--facts FOLDER] [--against FILE]

A true sentence is one that people wrote about an AMI or ICSI meeting, checked against the turns that they linked. A
false one is the same sentence, checked against the turns of another sentence of that meeting. `--facts` names a folder
of meetings with reference minutes and traps (`meetings/ID.json`, `reference/ID.json`), which are measured by language:
there the false sentences are the traps. The scores are written to `--out`. `--against` takes such a file from an
earlier run and shows the changes with 95 % intervals, from a bootstrap over meetings.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.report import machine, write
from deploy.fresh import ROOT
from schema.core.errors import InvalidData, MinutebookError
from training.data.meetings import AnnotatedMeeting, read_meetings
from workers.summarize.checking.evidence import SUPPORTED_FROM, Evidence
from workers.summarize.text.segment import SpokenSegment

DRAWS = 1000
SECTIONS = ("overview", "decisions", "actions", "questions")
HEADS = ("true supported", "false supported", "area under the curve")


@dataclass
class Scores:
    """Support of the true and of the false sentences of one meeting."""

    true: list[float] = field(default_factory=list)
    false: list[float] = field(default_factory=list)


Groups = dict[str, dict[str, Scores]]
"""Scores by group (AMI, ICSI or a language) and by meeting."""
SupportFigures = NDArray[np.float64]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meetings", type=Path, nargs="+")
    parser.add_argument("--facts", type=Path, help="a folder with meetings/ and reference/")
    parser.add_argument("--against", type=Path, help="the scores of an earlier run")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "bench" / "support.json")
    arguments = parser.parse_args(argv)
    try:
        before = _read(arguments.against) if arguments.against else {}
        groups = _linked_groups(arguments.meetings)
        if arguments.facts:
            groups |= _fact_groups(arguments.facts)
    except MinutebookError as error:
        print(f"bench: {error.detail}", file=sys.stderr)
        return 1
    scores = {group: {key: vars(each) for key, each in found.items()} for group, found in groups.items()}
    write(arguments.out, {"machine": machine(), "groups": scores})
    print("\n".join(_table(groups, before)))
    return 0


def _linked_groups(files: Sequence[Path]) -> Groups:
    groups: Groups = {}
    for file in files:
        for meeting in read_meetings(file):
            scores = _linked_scores(meeting)
            if scores.true and scores.false:
                groups.setdefault(meeting.corpus, {})[meeting.id] = scores
    return groups


def _linked_scores(meeting: AnnotatedMeeting) -> Scores:
    evidence, scores = Evidence(meeting.turns, meeting.language), Scores()
    linked = [sentence for sentence in meeting.sentences if sentence.evidence]
    for at, sentence in enumerate(linked):
        scores.true.append(evidence.support(sentence.text, sentence.evidence))
        others = (other.evidence for other in (*linked[at + 1 :], *linked[:at]))
        other = next((each for each in others if set(each).isdisjoint(sentence.evidence)), None)
        if other is not None:
            scores.false.append(evidence.support(sentence.text, other))
    return scores


def _fact_groups(folder: Path) -> Groups:
    """Raises InvalidData."""
    groups: Groups = {}
    for path in sorted((folder / "meetings").glob("*.json")):
        try:
            meeting = json.loads(path.read_text(encoding="utf-8"))
            reference = json.loads((folder / "reference" / path.name).read_text(encoding="utf-8"))
            group = groups.setdefault(f"traps, {meeting['language']}", {})
            group[path.stem] = _fact_scores(meeting, reference)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise InvalidData(f"{path}: not a meeting with reference minutes: {error!r}") from error
    if not groups:
        raise InvalidData(f"{folder / 'meetings'} has no meetings. Correct the path.")
    return groups


def _fact_scores(meeting: Mapping[str, Any], reference: Mapping[str, Any]) -> Scores:
    turns = [
        SpokenSegment(turn["i"], turn["speaker"], turn["i"], turn["i"] + 1, turn["text"]) for turn in meeting["turns"]
    ]
    evidence = Evidence(turns, meeting["language"])

    def support(item: Mapping[str, Any]) -> float:
        return evidence.check(item["text"], tuple(item["evidence"])).support

    said = [item for section in SECTIONS for item in reference[section]]
    said += [sentence for chapter in reference["chapters"] for sentence in chapter["sentences"]]
    return Scores(list(map(support, said)), list(map(support, meeting["gold"]["traps"])))


def _read(path: Path) -> Groups:
    """Raises InvalidData."""
    try:
        groups = json.loads(path.read_text(encoding="utf-8"))["groups"]
        return {name: {key: Scores(**each) for key, each in found.items()} for name, found in groups.items()}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InvalidData(
            f"{path} is not a file of scores from this benchmark: {error!r}. Name another file."
        ) from error


def figures(scores: Sequence[Scores]) -> SupportFigures:
    """(3,): the shares of true and false sentences that count as supported, and the area under the curve."""
    true = np.array([score for each in scores for score in each.true])
    false = np.sort([score for each in scores for score in each.false])
    places = np.searchsorted(false, true, "left") + np.searchsorted(false, true, "right")
    area = float(places.mean()) / 2 / len(false)
    return np.array([(true >= SUPPORTED_FROM).mean(), (false >= SUPPORTED_FROM).mean(), area])


def _table(groups: Groups, before: Groups) -> Iterator[str]:
    yield f"| sentences | true | false | {' | '.join(HEADS)} |"
    yield f"|{' --- |' * (len(HEADS) + 3)}"
    for name, found in groups.items():
        changes = _changes(found, before.get(name, {}))
        shown = [f"{value:.3f}{change}" for value, change in zip(figures(list(found.values())), changes, strict=True)]
        counts = [sum(len(each.true) for each in found.values()), sum(len(each.false) for each in found.values())]
        yield f"| {name} | {' | '.join((*map(str, counts), *shown))} |"


def _changes(now: Mapping[str, Scores], before: Mapping[str, Scores]) -> list[str]:
    """The change of each figure over the meetings that both runs have; empty strings if they share none."""
    shared = [key for key in now if key in before]
    if not shared:
        return [""] * len(HEADS)
    pairs = [(now[key], before[key]) for key in shared]
    dice = np.random.default_rng(0)
    draws = [_difference([pairs[at] for at in dice.integers(0, len(pairs), len(pairs))]) for _ in range(DRAWS)]
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    whole = _difference(pairs)
    return [f" [{d:+.3f}, {a:+.3f} to {b:+.3f}]" for d, a, b in zip(whole, low, high, strict=True)]


def _difference(pairs: Sequence[tuple[Scores, Scores]]) -> SupportFigures:
    now, before = zip(*pairs, strict=True)
    return figures(now) - figures(before)


if __name__ == "__main__":
    sys.exit(main())
