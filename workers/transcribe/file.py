"""Transcribes whole recordings. Workers decode with the same `decode_together`, so they write the same words.

    transcribe_file(engine, FileAudio(samples))  → words with times, and what became of every sample

A recording is cut into windows by voice activity. The guard judges each hypothesis, and reads skipped speech again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from workers.asr.engine import Engine
from workers.asr.hypothesis import Window, Word
from workers.asr.streaming import batch
from workers.asr.streaming.guard import JudgedHypothesis, transcribe_guarded
from workers.asr.streaming.stream import StepOutcome
from workers.asr.streaming.track import CommittedSpan, StreamState, TrackView
from workers.transcribe.ledger import words_by_segment

Decode = Callable[[Sequence[Window]], Sequence[JudgedHypothesis]]


class Decodable(Protocol):
    """Something with windows to decode: a file, or a claimed track in a worker's step."""

    @property
    def windows(self) -> list[Window]: ...

    def settled(self, judged: Sequence[JudgedHypothesis]) -> StepOutcome:
        """The outcome. *judged* holds a hypothesis for each window."""


def decode_together(plans: Sequence[Decodable], decode: Decode) -> list[StepOutcome]:
    """Decode the windows of all *plans* in one call, then settle each plan."""
    windows = [window for plan in plans for window in plan.windows]
    judged = iter(decode(windows) if windows else ())
    return [plan.settled(list(islice(judged, len(plan.windows)))) for plan in plans]


@dataclass(frozen=True, slots=True)
class FileAudio:
    """A whole recording: `samples` (n,) int16 at 16 kHz. The engine must have `adapter` loaded."""

    samples: NDArray[np.int16]
    language: str = "en"
    vocabulary: tuple[str, ...] = ()
    adapter: str | None = None

    @property
    def view(self) -> TrackView:
        return TrackView(
            state=StreamState(),
            samples=self.samples,
            closed=True,
            language=self.language,
            vocabulary=", ".join(self.vocabulary),
            adapter=self.adapter,
        )


@dataclass(frozen=True, slots=True)
class FileTranscript:
    """`words` have positions in the recording. `spans` tile it and say what became of each part."""

    words: tuple[Word, ...]
    spans: tuple[CommittedSpan, ...]

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words).strip()

    @property
    def segments(self) -> list[list[Word]]:
        """The words of each segment, as a worker writes them if it reads the recording in one step."""
        return words_by_segment(self.words)


def transcribe_file(engine: Engine, file: FileAudio, lanes: int = 1) -> FileTranscript:
    """Transcribe a recording as a worker does. Raises UnknownLanguage, UnknownAdapter."""
    return transcribe_files(engine, [file], lanes)[0]


def transcribe_files(engine: Engine, files: Sequence[FileAudio], lanes: int = 1) -> list[FileTranscript]:
    """Transcribe several recordings. Their windows are decoded together."""
    plans = [batch.plan(file.view) for file in files]
    outcomes = decode_together(plans, partial(transcribe_guarded, engine, lanes=lanes))
    return [FileTranscript(outcome.words, outcome.spans) for outcome in outcomes]
