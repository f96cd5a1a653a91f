"""Training data for a language model that judges claims of minutes: it reads lines and a claim, and says yes or no.

    Priya: The oven is broken again.
    > Tom: Then I ask the dealer for two quotes.
    > Priya: By Friday, please.
    Action: Tom | by Friday | Tom asks the dealer for two quotes for a new oven.
    True: yes

In a third of the examples no speaker is known.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from schema.core.errors import InvalidData
from training.data.checks import Fault
from training.data.dataset import Example
from training.data.invented_meetings import invented_meetings
from training.data.items import NAMELESS_SHARE, SPLITS
from training.data.judgements import judgements_of, loosened
from workers.summarize.checking.claim import MinutesClaim
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.item_format import WrittenItem, item_answer, item_prompt

YES, NO = "yes", "no"
LINES_BEFORE, LINES_AFTER = 2, 5
"""Lines that are shown before the first line of the evidence, and after the last one."""
LINES_LIMIT = 24


def judge_examples(folder: Path, split: str, _language: str) -> Iterator[Example | Fault]:
    """Examples of *split*, from the invented meetings in *folder*. Raises InvalidData for an unknown split."""
    if split not in SPLITS:
        raise InvalidData(f"judgements: has no split {split!r}. Available splits: {', '.join(SPLITS)}.")
    for meeting in invented_meetings(split, folder):
        rng = random.Random(f"judge {meeting.id}")  # noqa: S311 - the same in every run
        nameless = [replace(turn, speaker=None) for turn in meeting.turns]
        for number, judgement in enumerate(judgements_of(meeting)):
            name = f"{meeting.id}/{number}"
            claim = loosened(judgement, len(meeting.turns), rng)
            lines = nameless if rng.random() < NAMELESS_SHARE else meeting.turns
            answer = YES if judgement.true else NO
            text = judge_prompt(lines, claim)
            yield Example(name, name, text=text, summary=answer, language=meeting.language, group=meeting.id)


def judge_prompt(lines: Sequence[SpokenSegment], claim: MinutesClaim) -> str:
    """What the model reads before `True:`. Of *lines* it sees those near the evidence, which must be among them."""
    marked = [at for at, line in enumerate(lines) if line.id in claim.evidence]
    seen = range(max(marked[0] - LINES_BEFORE, 0), min(marked[-1] + LINES_AFTER + 1, len(lines)))
    near = sorted(seen, key=lambda at: min(abs(at - other) for other in marked))[:LINES_LIMIT]
    prompt = item_prompt([lines[at] for at in sorted(near)], claim.evidence, claim.kind)
    return f"{prompt} {item_answer(WrittenItem(claim.text, claim.owner, claim.due), claim.kind)}"
