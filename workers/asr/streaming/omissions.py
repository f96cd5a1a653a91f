"""Omitted speech: a model may skip a sentence in a window and write the next one. A hypothesis shows it, because no
word was read from that audio.

A model that skips speech usually reads it if the window is cut at the pause beside it. So the window is divided there
and its parts are read by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from schema.core.units import samples_of_ms, samples_of_s
from workers.asr.hypothesis import Hypothesis, Window
from workers.asr.repetition import compression_ratio

SKIPPED_SAMPLES = samples_of_s(1)
"""Speech without words that lasts this long is more than a hesitation."""
DOUBTFUL_SAMPLES = samples_of_ms(600)
"""So much of it is worth another reading: it may be a short sentence, or a slow word."""
BLIP_SAMPLES = samples_of_ms(500)
"""Unread spans that are closer together count as one: a single position draws attention this far around it."""
EDGE_SAMPLES = samples_of_ms(500)
"""A pause this close to skipped speech is beside it."""
SHORTEST_PART_SAMPLES = samples_of_ms(500)

Span = tuple[int, int]


def overlap(speech: Sequence[Span], first_sample: int, end_sample: int) -> int:
    """The number of samples of *speech* in [*first_sample*, *end_sample*)."""
    return sum(max(0, min(end, end_sample) - max(first, first_sample)) for first, end in speech)


def skipped_spans(hypothesis: Hypothesis, window: Window, least_samples: int = SKIPPED_SAMPLES) -> list[Span]:
    """The spans of *window* with speech that *hypothesis* skips, at least *least_samples* of it in each."""
    if window.translate:  # a translation follows another order of words than the audio
        return []
    first, end = _prefix_end(window), len(window.samples)
    if not hypothesis.words:
        unread: list[Span] = [(first, end)] if window.complete else []
    else:
        end = end if window.complete else hypothesis.words[-1].end_sample
        unread = _joined([(max(a, first), min(b, end)) for a, b in hypothesis.unread if a < end and b > first])
    return [span for span in unread if overlap(window.speech, *span) >= least_samples]


def _prefix_end(window: Window) -> int:
    return min(window.prefix[-1].end_sample, len(window.samples)) if window.prefix else 0


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for first, end in spans:
        if joined and first - joined[-1][1] < BLIP_SAMPLES:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    return joined


def parts_around(window: Window, skipped: Sequence[Span]) -> list[tuple[int, Window]]:
    """*window* divided at each of the *skipped* spans: (first sample, part). It is empty if there is no good place."""
    begin, end = _prefix_end(window), len(window.samples)
    edges = [0]
    for cut in sorted(_cut(window, span) for span in skipped):
        least = begin if len(edges) == 1 and begin else edges[-1] + SHORTEST_PART_SAMPLES
        if least <= cut <= end - SHORTEST_PART_SAMPLES:
            edges.append(cut)
    if len(edges) == 1:
        return []
    parts = [(first, _part(window, first, last)) for first, last in pairwise([*edges, end])]
    return parts[1:] if edges[1] == begin else parts  # the first part would hold nothing but forced words


def _cut(window: Window, skipped: Span) -> int:
    """Where to divide *window*: in the longest pause in or beside *skipped*, or else where *skipped* begins or ends."""
    first, end = skipped
    begin = _prefix_end(window)
    pauses = [
        (after - before, (before + after) // 2)
        for (_, before), (after, _) in pairwise(window.speech)
        if before <= end + EDGE_SAMPLES and after >= first - EDGE_SAMPLES and (before + after) // 2 > begin
    ]
    if pauses:
        return max(pauses)[1]
    return first if begin or first >= SHORTEST_PART_SAMPLES else end


def _part(window: Window, first: int, end: int) -> Window:
    speech = tuple((max(a, first) - first, min(b, end) - first) for a, b in window.speech if a < end and b > first)
    return replace(
        window,
        samples=window.samples[first:end],
        prefix=() if first else window.prefix,
        speech=speech,
        complete=window.complete or end < len(window.samples),
        begins_at_seam=window.begins_at_seam and first in (0, _prefix_end(window)),
        ends_at_seam=window.ends_at_seam and end == len(window.samples),
    )


def joined_hypothesis(parts: Sequence[tuple[int, Hypothesis]], window: Window) -> Hypothesis:
    """The hypotheses of the parts of *window*, with their first samples, as one hypothesis."""
    read = [(first, each) for first, each in parts if each.words]
    words = tuple(
        replace(word, start_sample=word.start_sample + first, end_sample=word.end_sample + first)
        for first, each in read
        for word in each.words
    )
    firsts = [first for first, _ in parts]
    unread = [
        (first + a, first + b)
        for (first, each), end in zip(parts, [*firsts[1:], len(window.samples)], strict=True)
        for a, b in (each.unread if each.words else ((0, end - first),))
    ]
    return Hypothesis(
        words=words,
        attended_samples=tuple(first + at for first, each in read for at in each.attended_samples),
        avg_logprob=sum(each.avg_logprob * len(each.words) for _, each in read) / max(len(words), 1),
        no_speech_prob=min(each.no_speech_prob for _, each in read or parts),
        compression_ratio=compression_ratio("".join(word.text for word in words)),
        temperature=max(each.temperature for _, each in parts),
        unread=tuple(unread),
        truncated=parts[-1][1].truncated,
    )
