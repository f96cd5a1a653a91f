"""The guard: it checks every hypothesis before commit, so that text that nobody said is not committed, and so that
speech without text is not booked as transcribed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from schema.core.states import CoverageKind
from schema.core.units import SAMPLE_RATE_HZ, samples_of_s
from workers.asr.engine import USUAL, Engine, Fallback
from workers.asr.hypothesis import Hypothesis, Window
from workers.asr.repetition import repeated_phrase
from workers.asr.streaming.omissions import (
    DOUBTFUL_SAMPLES,
    SKIPPED_SAMPLES,
    joined_hypothesis,
    overlap,
    parts_around,
    skipped_spans,
)
from workers.asr.streaming.seams import after_seam, continued, without_seam_word
from workers.asr.streaming.track import CommittedSpan, shifted_span, with_unread

COMPRESSION_LIMIT = 2.4
LOGPROB_FLOOR = -1.0
NO_SPEECH_LIMIT = 0.6
WORDS_PER_S_LIMIT = 7.0
FEW_WORDS = 6
"""So few words may be faster than WORDS_PER_S_LIMIT, for example at the end of a sentence."""
UNHEARD_SAMPLES = samples_of_s(2)
"""A window with this much speech should give words."""
NO_WORDS_REASON = "sounds like speech, no words recognised"
REREADS = 2
"""How often the audio of a window may be read again in parts, so that it is decoded three times at most, apart from
the fallbacks."""
SURE_LOGPROB = -0.6
SURE_SPEECH_LIMIT = 0.4
"""A part of a window counts as read only if the model is sure, in the mean log-probability of its words and in its
probability that nobody speaks. Otherwise laughter and noise, read by themselves, would become words."""
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
    unread: tuple[CommittedSpan, ...] = ()
    """For `ok`: the spans without words that are not `transcribed`, counted from the start of the window."""


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
    return Verdict(Judgement.OK)


def _without_words(hypothesis: Hypothesis, window: Window) -> Verdict:
    speech_samples = overlap(window.speech, 0, len(window.samples))
    if speech_samples < UNHEARD_SAMPLES or hypothesis.no_speech_prob > NO_SPEECH_LIMIT:
        return Verdict(Judgement.NO_SPEECH)
    return Verdict(Judgement.RETRY, NO_WORDS_REASON, Judgement.NO_SPEECH)


def _fault(hypothesis: Hypothesis, window: Window) -> str:
    if hypothesis.compression_ratio > COMPRESSION_LIMIT:
        return f"repetition, compression ratio {hypothesis.compression_ratio:.1f}"
    phrase = repeated_phrase([word.text for word in hypothesis.words])
    if phrase:
        return f"repetition of {phrase!r}"
    if hypothesis.avg_logprob < LOGPROB_FLOOR * _seam_allowance(hypothesis, window):
        return f"low confidence, mean log-probability {hypothesis.avg_logprob:.2f}"
    rate = len(hypothesis.words) / unread_s(window)
    if len(hypothesis.words) > FEW_WORDS and rate > WORDS_PER_S_LIMIT:
        return f"{rate:.0f} words a second"
    return ""


def _seam_allowance(hypothesis: Hypothesis, window: Window) -> float:
    """How many times lower the mean log-probability of *hypothesis* may be because its audio is cut in words.

    Beside a seam the first word, or the end of the text, is improbable. Each counts as one token.
    """
    tokens = len(hypothesis.words) + 1  # at least one for each word, and the end
    return 1 + (window.begins_at_seam + window.ends_at_seam) / tokens


def unread_s(window: Window) -> float:
    """The seconds of *window* after its prefix, at least 0.25 because word times are not exact."""
    read = window.prefix[-1].end_sample if window.prefix else 0
    return max((len(window.samples) - read) / SAMPLE_RATE_HZ, 0.25)


def transcribe_guarded(
    engine: Engine, windows: Sequence[Window], lanes: int = 1, rereads: int = REREADS
) -> list[JudgedHypothesis]:
    """Transcribe, decode what does not pass with other settings, and read skipped speech again.

    If no attempt passes, the best one is returned with its outcome `otherwise`, which for most faults is `failed`. A
    window with skipped speech is read again in parts, at most *rereads* times.
    """
    results = [_with_unread(*result) for result in zip(_attempted(engine, windows, lanes), windows, strict=True)]
    if not rereads:
        return results
    divided = {i: _parts(result, windows[i]) for i, result in enumerate(results)}
    parts = [part for own in divided.values() for _, part in own]
    again = iter(transcribe_guarded(engine, parts, lanes, rereads - 1) if parts else ())
    for i, own in divided.items():
        read = [(*part, *result) for part, result in zip(own, islice(again, len(own)), strict=True)]
        if read:
            results[i] = _fuller(results[i], _joined(read, windows[i]), windows[i])
    return results


def _attempted(engine: Engine, windows: Sequence[Window], lanes: int) -> list[JudgedHypothesis]:
    """The best of several attempts for each of *windows*.

    After a seam they are first decoded again without the forced word before it, which may be misheard. Then they are
    decoded without prompt, because the model may be repeating it, then sampled at rising temperatures.
    """
    results = _read(engine, windows, USUAL, lanes)
    retried = [i for i, (_, verdict) in enumerate(results) if verdict.judgement is Judgement.RETRY]
    retried = [i for i in retried if windows[i].begins_at_seam and windows[i].prefix]
    for i, result in zip(retried, _read_over_seams(engine, [windows[i] for i in retried], lanes), strict=True):
        results[i] = _better(results[i], result)
    for fallback in FALLBACKS:
        retried = [i for i, (_, verdict) in enumerate(results) if verdict.judgement is Judgement.RETRY]
        if fallback.temperature == 0:
            retried = [i for i in retried if windows[i].prompt]
        else:  # sampling helps against a fault, but it invents words where none were said
            retried = [i for i in retried if results[i][1].otherwise is Judgement.FAILED]
        if not retried:
            continue
        again = _read(engine, [windows[i] for i in retried], fallback, lanes)
        for i, result in zip(retried, again, strict=True):
            results[i] = _better(results[i], result)
    return [(hypothesis, _settled(verdict)) for hypothesis, verdict in results]


def _read(engine: Engine, windows: Sequence[Window], fallback: Fallback, lanes: int) -> list[JudgedHypothesis]:
    hypotheses = [
        continued(hypothesis) if window.begins_at_seam else hypothesis
        for hypothesis, window in zip(engine.transcribe(windows, fallback, lanes), windows, strict=True)
    ]
    return [(hypothesis, judge(hypothesis, window)) for hypothesis, window in zip(hypotheses, windows, strict=True)]


def _read_over_seams(engine: Engine, windows: Sequence[Window], lanes: int) -> list[JudgedHypothesis]:
    """Read *windows* without the forced words before their seams."""
    if not windows:
        return []
    hypotheses = [
        after_seam(hypothesis, window.prefix[-1])
        for hypothesis, window in zip(
            engine.transcribe([without_seam_word(window) for window in windows], lanes=lanes), windows, strict=True
        )
    ]
    return [(hypothesis, judge(hypothesis, window)) for hypothesis, window in zip(hypotheses, windows, strict=True)]


def _better(old: JudgedHypothesis, new: JudgedHypothesis) -> JudgedHypothesis:
    """The reading that passes, or else the one with the smaller fault, or else the likelier."""
    if new[1].judgement is not Judgement.RETRY:
        return new if new[0].words or not old[0].words else old
    if old[1].otherwise is not new[1].otherwise:
        return min(old, new, key=lambda result: FAULTS.index(result[1].otherwise))
    return max(old, new, key=lambda result: result[0].avg_logprob)


def _settled(verdict: Verdict) -> Verdict:
    return Verdict(verdict.otherwise, verdict.reason) if verdict.judgement is Judgement.RETRY else verdict


def _with_unread(judged: JudgedHypothesis, window: Window) -> JudgedHypothesis:
    """*judged* with the speech that its text skips."""
    hypothesis, verdict = judged
    if verdict.judgement is not Judgement.OK:
        return judged
    failed = (CommittedSpan(*span, CoverageKind.FAILED, NO_WORDS_REASON) for span in skipped_spans(hypothesis, window))
    return hypothesis, replace(verdict, unread=tuple(failed))


def _parts(judged: JudgedHypothesis, window: Window) -> list[tuple[int, Window]]:
    """The parts in which *window* is to be read again; empty if its text skips nothing."""
    hypothesis, verdict = judged
    if verdict.judgement is Judgement.OK:
        return parts_around(window, skipped_spans(hypothesis, window, DOUBTFUL_SAMPLES))
    if verdict.reason == NO_WORDS_REASON:
        return parts_around(window, skipped_spans(hypothesis, window))
    return []


def _joined(read: Sequence[tuple[int, Window, Hypothesis, Verdict]], window: Window) -> JudgedHypothesis:
    """The readings of the parts of *window*, with their first samples, as one reading."""
    ends = [*(first for first, *_ in read[1:]), len(window.samples)]
    unread: list[CommittedSpan] = []
    passed: list[tuple[int, Hypothesis]] = []
    for (first, part, hypothesis, verdict), end in zip(read, ends, strict=True):
        if verdict.judgement is Judgement.OK and _is_sure(hypothesis, part):
            unread += (shifted_span(span, first) for span in verdict.unread)
            passed.append((first, hypothesis))
            continue
        passed.append((first, replace(hypothesis, words=(), attended_samples=())))
        if window.complete or end < len(window.samples):
            unread.append(_without_text(first, end, hypothesis, verdict, window))
    return joined_hypothesis(passed, window), Verdict(Judgement.OK, unread=tuple(unread))


def _is_sure(hypothesis: Hypothesis, window: Window) -> bool:
    floor = SURE_LOGPROB * _seam_allowance(hypothesis, window)
    return hypothesis.avg_logprob >= floor and hypothesis.no_speech_prob <= SURE_SPEECH_LIMIT


def _without_text(first: int, end: int, hypothesis: Hypothesis, verdict: Verdict, window: Window) -> CommittedSpan:
    """The coverage of the part [*first*, *end*) of *window*. It is silent if the model finds that nobody speaks."""
    wordless = verdict.judgement is Judgement.NO_SPEECH and overlap(window.speech, first, end) < SKIPPED_SAMPLES
    if wordless or hypothesis.no_speech_prob > NO_SPEECH_LIMIT:
        return CommittedSpan(first, end, CoverageKind.SILENT, verdict.reason or None)
    return CommittedSpan(first, end, CoverageKind.FAILED, verdict.reason or NO_WORDS_REASON)


def _fuller(old: JudgedHypothesis, new: JudgedHypothesis, window: Window) -> JudgedHypothesis:
    """The reading that leaves less speech without words, if it has no fewer words. *old* learns from *new* what is
    silent.
    """
    if len(new[0].words) >= len(old[0].words) and _unread(new, window) < _unread(old, window):
        return new
    silent = [span for span in new[1].unread if span.kind is CoverageKind.SILENT]
    unread = (part for span in old[1].unread for part in with_unread(span, silent))
    return old[0], replace(old[1], unread=tuple(unread))


def _unread(judged: JudgedHypothesis, window: Window) -> tuple[int, int]:
    """How many samples of speech have no words: those that would be booked as failed, and all that is doubtful."""
    hypothesis, verdict = judged
    if verdict.judgement is not Judgement.OK:
        return len(window.samples), len(window.samples)
    failed = [(span.first_sample, span.end_sample) for span in verdict.unread if span.kind is CoverageKind.FAILED]
    doubtful = skipped_spans(hypothesis, window, DOUBTFUL_SAMPLES)
    return _speech_in(failed, window), _speech_in(doubtful, window)


def _speech_in(spans: Sequence[tuple[int, int]], window: Window) -> int:
    return sum(overlap(window.speech, *span) for span in spans)
