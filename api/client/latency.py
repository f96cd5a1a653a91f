"""Word latency: the time from sending a word to receiving it as text.

The latency of a word is the time at which the client first receives it in committed text, minus the time at which the
client sent the chunk with the end of the word. The latency in partial text ends at the time at
which the word first appeared within one word of its final place.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from api.client.live import Arrival
from api.client.resend import SendLog
from schema.core.units import samples_of_s
from schema.meetings.wire import SegmentOut


@dataclass(frozen=True, slots=True)
class _Partial:
    """The partial text at `at_s`. It follows the first `committed` words of the track."""

    committed: int
    words: tuple[str, ...]
    at_s: float

    def shows(self, place: int, word: str) -> bool:
        first = max(place - self.committed - 1, 0)
        return word in self.words[first : place - self.committed + 2]


@dataclass
class LatencyMeter:
    """Measures the latency of one track's words in milliseconds, in the order in which words were committed."""

    sent: SendLog
    track: str = "main"
    committed_ms: list[float] = field(default_factory=list)
    partial_ms: list[float] = field(default_factory=list)
    spoken_at_s: list[float] = field(default_factory=list)
    """The time at which the chunk with the end of the word was sent, in seconds of `time.monotonic()`."""
    _known: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    _partials: deque[_Partial] = field(default_factory=deque)

    def take(self, arrival: Arrival) -> None:
        data = arrival.event.data
        if data.get("track") != self.track:
            return
        if arrival.event.type == "segment":
            self._take_segment(SegmentOut.model_validate(data), arrival.at_s)
        elif arrival.event.type == "partial":
            words = tuple(_normalized(word) for word in data["text"].split())
            self._partials.append(_Partial(len(self.committed_ms), words, arrival.at_s))

    def _take_segment(self, segment: SegmentOut, at_s: float) -> None:
        for word in segment.words[self._known[segment.id] :]:
            sent_s = self.sent.sent_s(samples_of_s(word.end_s))
            if sent_s is None:
                continue  # spoken before this client connected
            first_s = self._first_shown_s(len(self.committed_ms), _normalized(word.text), at_s)
            self.committed_ms.append(1000 * (at_s - sent_s))
            self.partial_ms.append(1000 * (first_s - sent_s))
            self.spoken_at_s.append(sent_s)
        self._known[segment.id] = max(self._known[segment.id], len(segment.words))
        while self._partials and self._partials[0].committed + len(self._partials[0].words) < len(self.committed_ms):
            self._partials.popleft()

    def _first_shown_s(self, place: int, word: str, at_s: float) -> float:
        return next((partial.at_s for partial in self._partials if partial.shows(place, word)), at_s)


def _normalized(word: str) -> str:
    return "".join(filter(str.isalnum, word.lower()))


def quantiles(values: Sequence[float], *shares: float) -> dict[str, float]:
    """`{"p50": ..., "p95": ...}` for the shares 0.5 and 0.95: the value at rank `share * n`, counted from 0."""
    ordered = sorted(values)
    return {f"p{share * 100:g}": round(_at(ordered, share), 1) for share in shares}


def _at(ordered: Sequence[float], share: float) -> float:
    if not ordered:
        raise ValueError("there are no values for quantiles: no word was measured")
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
