"""The guard: it checks every hypothesis before commit, so that text that nobody said is not committed."""

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
"""So few words may be faster than WORDS_PER_S_LIMIT, for example at the end of a sentence."""
FALLBACKS = (
    Fallback(with_prompt=False),
    Fallback(temperature=0.4, with_prompt=False),
    Fallback(temperature=0.8, with_prompt=False),
)


class Judgement(StrEnum):
    """`ok` may be committed. `retry` asks for another attempt. After `failed`, no attempt helped. `no_speech` has no
    text."""

    OK = "ok"
    RETRY = "retry"
    FAILED = "failed"
    NO_SPEECH = "no_speech"


FAULTS = (Judgement.OK, Judgement.NO_SPEECH, Judgement.FAILED)
"""The outcomes of a `retry`, best first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    judgement: Judgement
    reason: str = ""
    """A short phrase for the coverage ledger; empty for `ok`."""
    otherwise: Judgement = Judgement.FAILED
    """The outcome of a `retry` if no attempt is better."""


JudgedHypothesis = tuple[Hypothesis, Verdict]


def judge(hypothesis: Hypothesis, window: Window) -> Verdict:
    """Judge one hypothesis for *window*. The result is never `failed`, which takes several attempts."""
    if not hypothesis.words:
        return _without_words(hypothesis, window)
    if hypothesis.no_speech_prob > NO_SPEECH_LIMIT and hypothesis.avg_logprob < LOGPROB_FLOOR:
        return Verdict(Judgement.NO_SPEECH, f"no speech, probability {hypothesis.no_speech_prob:.2f}")
    fault = _fault(hypothesis, window)
    if fault:
        return Verdict(Judgement.RETRY, fault)
    if passed_over(hypothesis.words, window.speech, 0) is not None:
        return Verdict(Judgement.RETRY, "omits speech", Judgement.OK)
    return Verdict(Judgement.OK)


def _without_words(hypothesis: Hypothesis, window: Window) -> Verdict:
    speech_samples = overlap(window.speech, 0, len(window.samples))
    if speech_samples < UNHEARD_SAMPLES or hypothesis.no_speech_prob > NO_SPEECH_LIMIT:
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
    """The seconds of *window* after its prefix, at least 0.25 because word times are not exact."""
    read = window.prefix[-1].end_sample if window.prefix else 0
    return max((len(window.samples) - read) / SAMPLE_RATE_HZ, 0.25)


def transcribe_guarded(engine: Engine, windows: Sequence[Window], lanes: int = 1) -> list[JudgedHypothesis]:
    """Transcribe, and decode what does not pass again: without prompt, then drawing at rising temperatures.

    They are decoded without prompt first, because the model may be repeating it, then sampled at rising temperatures.
    If no attempt passes, the best one is returned with its outcome `otherwise`, which for most faults is `failed`.
    """
    hypotheses = engine.transcribe(windows, lanes=lanes)
    results = [(hypothesis, judge(hypothesis, window)) for hypothesis, window in zip(hypotheses, windows, strict=True)]
    for fallback in FALLBACKS:
        retried = [i for i, (_, verdict) in enumerate(results) if verdict.judgement is Judgement.RETRY]
        if fallback.temperature == 0:
            retried = [i for i in retried if windows[i].prompt]
        else:  # sampling helps against a fault, but it invents words where none were said
            retried = [i for i in retried if results[i][1].otherwise is Judgement.FAILED]
        if not retried:
            continue
        again = engine.transcribe([windows[i] for i in retried], fallback, lanes)
        for i, hypothesis in zip(retried, again, strict=True):
            results[i] = _better(results[i], (hypothesis, judge(hypothesis, windows[i])))
    return [(hypothesis, _settled(verdict)) for hypothesis, verdict in results]


def _better(old: JudgedHypothesis, new: JudgedHypothesis) -> JudgedHypothesis:
    """The reading that passes, or else the one with the smaller fault, or else the likelier."""
    if new[1].judgement is not Judgement.RETRY:
        return new if new[0].words or not old[0].words else old
    if old[1].otherwise is not new[1].otherwise:
        return min(old, new, key=lambda result: FAULTS.index(result[1].otherwise))
    return max(old, new, key=lambda result: result[0].avg_logprob)


def _settled(verdict: Verdict) -> Verdict:
    return Verdict(verdict.otherwise, verdict.reason) if verdict.judgement is Judgement.RETRY else verdict
