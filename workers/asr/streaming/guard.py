"""The guard before commit: text that no one said does not pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from schema.core.units import SAMPLE_RATE_HZ
from workers.asr.engine import Engine, Fallback
from workers.asr.hypothesis import Hypothesis, Window
from workers.asr.repetition import repeated_phrase
from workers.asr.streaming.omissions import UNHEARD_SAMPLES, overlap, passed_over

COMPRESSION_LIMIT = 2.4
LOGPROB_FLOOR = -1.0
NO_SPEECH_LIMIT = 0.6
WORDS_PER_S_LIMIT = 7.0
FEW_WORDS = 6
"""A handful of words at the end of a burst may well come faster than the limit."""
FALLBACKS = (
    Fallback(with_prompt=False),
    Fallback(temperature=0.4, with_prompt=False),
    Fallback(temperature=0.8, with_prompt=False),
)


class Judgement(StrEnum):
    """`ok` may be committed; `retry` asks for another try; `failed` is what no try made better."""

    OK = "ok"
    RETRY = "retry"
    FAILED = "failed"
    NO_SPEECH = "no_speech"


FAULTS = (Judgement.OK, Judgement.NO_SPEECH, Judgement.FAILED)
"""What a retry may come to, the best first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    judgement: Judgement
    reason: str = ""
    """Empty for `ok`, otherwise a short phrase for the ledger."""
    otherwise: Judgement = Judgement.FAILED
    """What a `retry` comes to when no other try is better."""


def judge(hypothesis: Hypothesis, window: Window) -> Verdict:
    """Judge one reading of *window* by itself. Never `failed`: that is for whoever has tried everything."""
    if not hypothesis.words:
        return _without_words(hypothesis, window)
    if hypothesis.no_speech_prob > NO_SPEECH_LIMIT and hypothesis.avg_logprob < LOGPROB_FLOOR:
        return Verdict(Judgement.NO_SPEECH, f"no speech, probability {hypothesis.no_speech_prob:.2f}")
    fault = _fault(hypothesis, window)
    if fault:
        return Verdict(Judgement.RETRY, fault)
    if passed_over(hypothesis.words, window.speech, 0) is not None:
        return Verdict(Judgement.RETRY, "passes over speech", Judgement.OK)
    return Verdict(Judgement.OK)


def _without_words(hypothesis: Hypothesis, window: Window) -> Verdict:
    heard = overlap(window.speech, 0, len(window.samples))
    if heard < UNHEARD_SAMPLES or hypothesis.no_speech_prob > NO_SPEECH_LIMIT:
        return Verdict(Judgement.NO_SPEECH)
    return Verdict(Judgement.RETRY, "sounds like speech, no words recognised", Judgement.NO_SPEECH)


def _fault(hypothesis: Hypothesis, window: Window) -> str:
    if hypothesis.compression_ratio > COMPRESSION_LIMIT:
        return f"repetition, compression ratio {hypothesis.compression_ratio:.1f}"
    phrase = repeated_phrase([word.text for word in hypothesis.words])
    if phrase:
        return f"repetition of {phrase!r}"
    if hypothesis.avg_logprob < LOGPROB_FLOOR:
        return f"low confidence, mean log-probability {hypothesis.avg_logprob:.2f}"
    rate = len(hypothesis.words) / unread_s(window)
    if len(hypothesis.words) > FEW_WORDS and rate > WORDS_PER_S_LIMIT:
        return f"{rate:.0f} words a second"
    return ""


def unread_s(window: Window) -> float:
    """Seconds of *window* behind its prefix; never less than a quarter, since word times are not exact."""
    read = window.prefix[-1].end_sample if window.prefix else 0
    return max((len(window.samples) - read) / SAMPLE_RATE_HZ, 0.25)


def transcribe_guarded(engine: Engine, windows: Sequence[Window], lanes: int = 1) -> list[tuple[Hypothesis, Verdict]]:
    """Transcribe, and decode what does not pass again: without prompt, then drawing at rising temperatures.

    A window that no setting mends comes back as `failed` with the likeliest of its readings and that one's fault.
    """
    readings = engine.transcribe(windows, lanes=lanes)
    results = [(reading, judge(reading, window)) for reading, window in zip(readings, windows, strict=True)]
    for fallback in FALLBACKS:
        places = [i for i, (_, verdict) in enumerate(results) if verdict.judgement is Judgement.RETRY]
        if fallback.temperature == 0:
            places = [i for i in places if windows[i].prompt]
        else:  # chance helps against a fault, but puts words where there are none
            places = [i for i in places if results[i][1].otherwise is Judgement.FAILED]
        if not places:
            continue
        again = engine.transcribe([windows[i] for i in places], fallback, lanes)
        for place, reading in zip(places, again, strict=True):
            results[place] = _better(results[place], (reading, judge(reading, windows[place])))
    return [(reading, _settled(verdict)) for reading, verdict in results]


def _better(old: tuple[Hypothesis, Verdict], new: tuple[Hypothesis, Verdict]) -> tuple[Hypothesis, Verdict]:
    """The reading that passes, or else the one with the smaller fault, or else the likelier."""
    if new[1].judgement is not Judgement.RETRY:
        return new if new[0].words or not old[0].words else old
    if old[1].otherwise is not new[1].otherwise:
        return min(old, new, key=lambda result: FAULTS.index(result[1].otherwise))
    return max(old, new, key=lambda result: result[0].avg_logprob)


def _settled(verdict: Verdict) -> Verdict:
    return Verdict(verdict.otherwise, verdict.reason) if verdict.judgement is Judgement.RETRY else verdict
