"""Diarization error and the words that have their speaker, in frames of 10 ms and without a collar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.01


@dataclass(frozen=True, slots=True)
class SpeakerTurn:
    """Somebody speaks from `start_s` to `end_s`."""

    speaker: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class ReferenceWord:
    speaker: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class SpeakerScore:
    """Seconds of reference speech, and of each kind of error; words, and how many of them have their speaker."""

    speech_s: float
    missed_s: float
    false_s: float
    confused_s: float
    words: int
    words_right: int
    speakers: int
    found: int

    @property
    def error_s(self) -> float:
        return self.missed_s + self.false_s + self.confused_s

    @property
    def error(self) -> float:
        """The diarization error rate: 0.1 means that a tenth of the speech is wrong."""
        return self.error_s / max(self.speech_s, FRAME_S)

    @property
    def confusion(self) -> float:
        return self.confused_s / max(self.speech_s, FRAME_S)

    @property
    def right(self) -> float:
        return self.words_right / max(self.words, 1)


def joined(turns: Sequence[SpeakerTurn], pause_s: float) -> list[SpeakerTurn]:
    """*turns* in order, with shorter pauses of a speaker filled if nobody else speaks in between."""
    found: list[SpeakerTurn] = []
    for turn in sorted(turns, key=lambda each: each.start_s):
        last = found[-1] if found else None
        if last is not None and last.speaker == turn.speaker and turn.start_s - last.end_s < pause_s:
            found[-1] = replace(last, end_s=max(last.end_s, turn.end_s))
        else:
            found.append(turn)
    return found


def score(
    reference: Sequence[SpeakerTurn], found: Sequence[SpeakerTurn], words: Sequence[ReferenceWord]
) -> SpeakerScore:
    """Compare *found* with *reference*. A word has the speaker who covers its middle, else the nearest one."""
    end_s = max((turn.end_s for turn in (*reference, *found)), default=0.0)
    true, names = _frames(reference, end_s)
    said, labels = _frames(found, end_s)
    pairs = _pairs(true.astype(np.float32) @ said.T.astype(np.float32))
    mapped = np.zeros_like(true)
    for one, other in pairs.items():
        mapped[one] = said[other]
    speaking, spoken, right = true.sum(0), said.sum(0), (true & mapped).sum(0)
    names_of = {labels[other]: names[one] for one, other in pairs.items()}
    return SpeakerScore(
        speech_s=float(speaking.sum()) * FRAME_S,
        missed_s=float(np.maximum(speaking - spoken, 0).sum()) * FRAME_S,
        false_s=float(np.maximum(spoken - speaking, 0).sum()) * FRAME_S,
        confused_s=float((np.minimum(speaking, spoken) - right).sum()) * FRAME_S,
        words=len(words),
        words_right=sum(names_of.get(_speaker_of(word, found)) == word.speaker for word in words),
        speakers=len(names),
        found=len(labels),
    )


def _frames(turns: Sequence[SpeakerTurn], end_s: float) -> tuple[NDArray[np.bool_], list[str]]:
    names = sorted({turn.speaker for turn in turns})
    frames = np.zeros((len(names), round(end_s / FRAME_S) + 1), bool)
    for turn in turns:
        frames[names.index(turn.speaker), round(turn.start_s / FRAME_S) : round(turn.end_s / FRAME_S)] = True
    return frames, names


def _pairs(together: NDArray[np.float32]) -> dict[int, int]:
    """The pairing of rows and columns with the greatest sum, row by row over sets of used columns."""
    if together.shape[1] > 16:  # The smallest labels can decide nothing, and all sets of them would not fit.
        kept = np.sort(np.argsort(together.sum(0))[-16:])
        return {row: int(kept[column]) for row, column in _pairs(together[:, kept]).items()}
    best: dict[int, tuple[float, dict[int, int]]] = {0: (0.0, {})}
    for row in range(together.shape[0]):
        after = dict(best)
        for used, (value, pairs) in best.items():
            for column in range(together.shape[1]):
                bit = 1 << column
                gain = value + float(together[row, column])
                if not used & bit and together[row, column] > 0 and gain > after.get(used | bit, (-1.0, {}))[0]:
                    after[used | bit] = (gain, {**pairs, row: column})
        best = after
    return max(best.values(), key=lambda each: each[0])[1]


def _speaker_of(word: ReferenceWord, found: Sequence[SpeakerTurn]) -> str:
    middle = (word.start_s + word.end_s) / 2
    if not found:
        return ""
    return min(found, key=lambda turn: max(turn.start_s - middle, middle - turn.end_s, 0.0)).speaker
