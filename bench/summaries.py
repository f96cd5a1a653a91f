"""ROUGE of the final minutes against abstracts that people wrote, beside two baselines of the same length.

    python -m bench.summaries ../shared/data/meetings/dev.jsonl.gz --meetings 20 [--model package:gemma-3-270m]

Each system may say as many words as the abstract has. Without `--model` the notes are in the words that were said.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from schema.minutes import Minutes
from schema.units import samples_of_s
from workers.summarize.final import final_minutes
from workers.summarize.generator import Generator
from workers.summarize.model import load_model
from workers.summarize.notes import write_note
from workers.summarize.segment import Segment
from workers.summarize.windows import next_window

Scores = tuple[float, float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("meetings_file", type=Path)
    parser.add_argument("--corpus", default="AMI")
    parser.add_argument("--meetings", type=int, default=20)
    parser.add_argument("--model")
    parser.add_argument("--cache-dir", type=Path, default=Path("var/models"))
    args = parser.parse_args()
    model = load_model(args.model, args.cache_dir) if args.model else None
    meetings = [m for m in read_meetings(args.meetings_file) if m["corpus"] == args.corpus][: args.meetings]
    for name, row in measure(meetings, model).items():
        print(f"{name:18} R-1 {row[0]:.3f}  R-2 {row[1]:.3f}  R-L {row[2]:.3f}")


def read_meetings(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def measure(meetings: Sequence[dict[str, Any]], model: Generator | None) -> dict[str, Scores]:
    """Mean F1 of ROUGE-1, -2 and -L per system."""
    systems: dict[str, Callable[[dict[str, Any]], str]] = {
        "minutes": lambda meeting: minutes_text(minutes_of(meeting, model)),
        "first words": lambda meeting: " ".join(turn["text"] for turn in meeting["turns"]),
        "longest turns": _longest_turns,
    }
    return {name: _mean([_score(meeting, system) for meeting in meetings]) for name, system in systems.items()}


def _score(meeting: dict[str, Any], system: Callable[[dict[str, Any]], str]) -> Scores:
    abstract = " ".join(sentence["text"] for sentence in meeting["summary"]["abstract"])
    limit = len(abstract.split())
    return rouge(" ".join(system(meeting).split()[:limit]), abstract)


def _longest_turns(meeting: dict[str, Any]) -> str:
    turns = sorted(meeting["turns"], key=lambda turn: -len(turn["text"]))
    return " ".join(turn["text"] for turn in turns[:40])


def minutes_of(meeting: dict[str, Any], model: Generator | None) -> Minutes:
    """The final minutes of a meeting of the data set, speakers called by their roles."""
    roles = {speaker["id"]: speaker.get("role") or speaker["id"] for speaker in meeting["speakers"]}
    rest = [
        Segment(t["i"], roles[t["speaker"]], samples_of_s(t["start_s"]), samples_of_s(t["end_s"]), t["text"])
        for t in meeting["turns"]
    ]
    notes, started = [], time.monotonic()
    while window := next_window(rest, final=True):
        notes.append(write_note(window, model))
        taken = {segment.id for segment in window}
        rest = [segment for segment in rest if segment.id not in taken]
    print(f"{meeting['id']}: {len(notes)} notes, {(time.monotonic() - started) / max(len(notes), 1):.2f} s each")
    return final_minutes(notes)


def minutes_text(minutes: Minutes) -> str:
    """Overview, decisions and actions, then what the chapters add."""
    lines = [sentence.text for sentence in (*minutes.overview, *minutes.decisions)]
    lines += [action.text for action in minutes.actions]
    lines += [sentence.text for chapter in minutes.chapters for sentence in chapter.sentences]
    return " ".join(dict.fromkeys(lines))


def rouge(text: str, reference: str) -> Scores:
    """F1 of unigrams, bigrams and the longest common subsequence, on lowercase words without stemming."""
    said, wanted = (re.findall(r"[a-z0-9]+", part.lower()) for part in (text, reference))
    return _overlap(said, wanted, 1), _overlap(said, wanted, 2), _f1(_common(said, wanted), len(said), len(wanted))


def _overlap(said: list[str], wanted: list[str], length: int) -> float:
    grams = [Counter(zip(*(words[at:] for at in range(length)), strict=False)) for words in (said, wanted)]
    return _f1((grams[0] & grams[1]).total(), grams[0].total(), grams[1].total())


def _f1(hits: int, said: int, wanted: int) -> float:
    return 2 * hits / (said + wanted) if said + wanted else 0.0


def _common(one: list[str], other: list[str]) -> int:
    row = [0] * (len(other) + 1)
    for word in one:
        fresh = [0]
        for at, match in enumerate(other):
            fresh.append(row[at] + 1 if word == match else max(row[at + 1], fresh[-1]))
        row = fresh
    return row[-1]


def _mean(scores: Sequence[Scores]) -> Scores:
    count = max(len(scores), 1)
    one, two, longest = (sum(values) / count for values in zip(*scores, strict=True))
    return one, two, longest


if __name__ == "__main__":
    main()
