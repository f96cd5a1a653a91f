"""Examples from which the critic learns: claims about the invented meetings, as its network reads them.

Every claim is read with the lines around its evidence. Some are also read with the lines that were said later, to learn
which of these take an item back.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from schema.minutes.ledger import ItemKind
from training.data.invented_meetings import InventedMeeting
from training.data.judgements import AUTHORED, TAKEN_BACK, JudgedClaim, judgements_of, loosened
from workers.summarize.checking.critic import stack
from workers.summarize.checking.critic_features import CriticInput, CriticReader
from workers.summarize.text.embedding import Features, embedded

_TRUE_WEIGHT, _FALSE_WEIGHT, _MADE_WEIGHT = 1.0, 2.0, 0.5
_BACK_WEIGHT = 2.0
_TASKS = (ItemKind.DECISION, ItemKind.ACTION)
LATER_SHARE = 0.3
"""This share of the true decisions and tasks is also read with later lines, which do not take them back."""


@dataclass(frozen=True, slots=True)
class CriticExample:
    """A claim as the network reads it. `back` (T,) says which pieces show that it is false.

    `embedded` are all pieces of the meeting, which its examples share. `weight` is that of the answer whether the claim
    is true; it is 0 where only later lines were read. `back_weight` is that of the answers about the pieces.
    """

    key: str
    embedded: Features
    read: CriticInput
    judgement: JudgedClaim
    back: Features
    weight: float
    back_weight: float


def examples_of(meeting: InventedMeeting, nameless_share: float) -> Iterator[CriticExample]:
    """The examples of *meeting*, the same in every run. Some of them have no speakers."""
    rng = random.Random(f"critic {meeting.id}")  # noqa: S311 - the same in every run
    judgements = list(judgements_of(meeting))
    texts = embedded([judgement.claim.text for judgement in judgements])
    named = CriticReader(meeting.turns, meeting.people, meeting.language)
    nameless = named.without_speakers()
    for number, (judgement, text) in enumerate(zip(judgements, texts, strict=True)):
        reader = nameless if rng.random() < nameless_share else named
        claim = loosened(judgement, len(meeting.turns), rng)
        yield _example(f"{meeting.id}/{number}", judgement, reader, reader.read(claim, text), _weight(judgement))
        later = range(max(claim.evidence) + 1, len(meeting.turns))
        if _is_read_later(judgement, rng) and reader.holds(later):
            read = reader.read_later(claim, text, later)
            yield _example(f"{meeting.id}/{number} later", judgement, reader, read, 0.0)


def _example(key: str, judgement: JudgedClaim, reader: CriticReader, read: CriticInput, weight: float) -> CriticExample:
    back = np.isin([reader.line_ids[line] for line in read.lines], judgement.back).astype(np.float32)
    known = judgement.why == AUTHORED or bool(judgement.back)
    return CriticExample(key, reader.embedded, read, judgement, back, weight, _BACK_WEIGHT * known)


def _weight(judgement: JudgedClaim) -> float:
    if judgement.true:
        return _TRUE_WEIGHT if judgement.why == AUTHORED else _MADE_WEIGHT
    return _FALSE_WEIGHT if judgement.authored else _MADE_WEIGHT


def _is_read_later(judgement: JudgedClaim, rng: random.Random) -> bool:
    if judgement.why in TAKEN_BACK:
        return True
    return judgement.why == AUTHORED and judgement.claim.kind in _TASKS and rng.random() < LATER_SHARE


def stacked(examples: Sequence[CriticExample]) -> dict[str, torch.Tensor]:
    """The arguments of `CriticNet` for *examples*, and their labels and weights."""
    inputs = stack([(each.embedded, each.read) for each in examples])
    longest = inputs["facts"].shape[1]
    back = np.stack([np.pad(each.back, (0, longest - len(each.back))) for each in examples])
    return {
        **inputs,
        "true": torch.tensor([float(each.judgement.true) for each in examples]),
        "weight": torch.tensor([each.weight for each in examples]),
        "back": torch.from_numpy(back),
        "back_weight": torch.tensor([each.back_weight for each in examples]),
    }


LABELS = ("true", "weight", "back", "back_weight")
