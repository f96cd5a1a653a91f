"""A track between two steps of transcription. Positions are samples since the start of the meeting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schema.core.errors import DecodeError
from schema.core.states import CoverageKind
from workers.asr.hypothesis import Word

HISTORY_WORDS = 30


@dataclass(frozen=True, slots=True)
class CommittedSpan:
    """What became of [first_sample, end_sample)."""

    first_sample: int
    end_sample: int
    kind: CoverageKind
    reason: str | None = None


def shifted_span(span: CommittedSpan, samples: int) -> CommittedSpan:
    """Return *span* moved by *samples*."""
    return replace(span, first_sample=span.first_sample + samples, end_sample=span.end_sample + samples)


def with_unread(span: CommittedSpan, unread: Iterable[CommittedSpan]) -> list[CommittedSpan]:
    """*span* divided, so that the *unread* spans in it keep their own kinds and reasons. They are in order."""
    spans: list[CommittedSpan] = []
    at = span.first_sample
    for each in unread:
        first, end = max(each.first_sample, at), min(each.end_sample, span.end_sample)
        if first >= end:
            continue
        if first > at:
            spans.append(replace(span, first_sample=at, end_sample=first))
        spans.append(replace(each, first_sample=first, end_sample=end))
        at = end
    return [*spans, replace(span, first_sample=at)] if at < span.end_sample else spans


@dataclass(frozen=True, slots=True)
class StreamState:
    """Everything that a worker needs, besides the audio, to continue a track.

    The next window begins at `window_first_sample` ≤ `committed_sample`. `prefix` holds the committed words in between,
    which will be forced. `previous` holds the words that the last hypothesis left uncommitted, `history` the last words
    before the window. `seam` is set if `committed_sample` is where somebody waited for the words so far, so that it may
    lie inside a word.
    """

    committed_sample: int = 0
    window_first_sample: int = 0
    prefix: tuple[Word, ...] = ()
    previous: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    seam: bool = False

    def dump(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {
            "committed_sample": self.committed_sample,
            "window_first_sample": self.window_first_sample,
            "prefix": [[word.text, word.start_sample, word.end_sample, word.probability] for word in self.prefix],
            "previous": list(self.previous),
            "history": list(self.history),
            "seam": self.seam,
        }

    @classmethod
    def load(cls, value: Mapping[str, Any]) -> StreamState:
        """Read a state that `dump` returned. Raises DecodeError."""
        try:
            return cls(
                committed_sample=int(value["committed_sample"]),
                window_first_sample=int(value["window_first_sample"]),
                prefix=tuple(Word(str(t), int(first), int(end), float(p)) for t, first, end, p in value["prefix"]),
                previous=tuple(str(word) for word in value["previous"]),
                history=tuple(str(word) for word in value["history"]),
                seam=bool(value.get("seam", False)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DecodeError(f"The state of a track does not parse: {error!r}. It is built again from SQL.") from error


@dataclass(frozen=True, slots=True)
class TrackView:
    """One track at the beginning of a step.

    `samples` (n,) int16 begin at `state.window_first_sample`. If `closed` is set, no audio follows them. If `flushed`
    is set, somebody waits for the words of all of them, although audio may follow in the middle of a word.
    """

    state: StreamState
    samples: NDArray[np.int16]
    closed: bool = False
    flushed: bool = False
    language: str = "en"
    translate: bool = False
    vocabulary: str = ""
    adapter: str | None = None

    @property
    def end_sample(self) -> int:
        return self.state.window_first_sample + len(self.samples)
